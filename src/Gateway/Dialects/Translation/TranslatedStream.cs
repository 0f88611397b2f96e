using System.Buffers;
using Crew.Kernel;

namespace Crew.Gateway.Dialects.Translation;

/// <summary>The events of a provider on their way into the client's dialect, between the scanner and the client.</summary>
internal sealed class TranslatedStream(AnswerReader reader, AnswerStream stream, EventReader counts) : IDisposable
{
    /// <summary>An event could not be read or was too long: the rest of the answer would be missing in silence.</summary>
    public bool IsBroken { get; private set; }

    /// <summary>Takes one event, and writes what the client is to see of it.</summary>
    public void Take(ReadOnlySpan<byte> data, IBufferWriter<byte> output)
    {
        if (stream.IsOver || IsBroken)
        {
            return;
        }

        stream.Usage = counts.Usage ?? counts.InputSoFar ?? stream.Usage;
        IsBroken |= !reader.Read(data, stream);
        Give(output);
    }

    /// <summary>A comment or an event without data: a sign of life.</summary>
    public void TakeNothing(IBufferWriter<byte> output)
    {
        if (!stream.IsOver)
        {
            stream.Ping();
            Give(output);
        }
    }

    public void Break() => IsBroken = true;

    /// <summary>Ends an answer whose provider left its closing event out.</summary>
    public void End(IBufferWriter<byte> output)
    {
        if (!stream.IsOver && !IsBroken)
        {
            stream.Usage = counts.Usage ?? stream.Usage;
            stream.End();
            Give(output);
        }
    }

    /// <summary>Ends the answer at the output that is paid for.</summary>
    public void ReachCap(IBufferWriter<byte> output, in Metering.TokenCounts charged)
    {
        stream.Usage = charged;
        stream.Finish(StopReason.Length);
        stream.End();
        Give(output);
    }

    public void Fail(IBufferWriter<byte> output, Fault fault, string requestId)
    {
        stream.Fail(fault, requestId);
        Give(output);
    }

    public void Dispose() => stream.Dispose();

    private void Give(IBufferWriter<byte> output)
    {
        output.Write(stream.Said);
        stream.Taken();
    }
}
