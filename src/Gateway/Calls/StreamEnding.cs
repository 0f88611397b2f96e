using System.Buffers;
using Crew.Gateway.Dialects;
using Crew.Gateway.Dialects.Translation;
using Crew.Gateway.Metering;
using Crew.Kernel;

namespace Crew.Gateway.Calls;

/// <summary>How a stream ends in the client's format where its provider did not end it.</summary>
internal sealed class StreamEnding(WireFormat client, EventReader reader, TranslatedStream? translation, string requestId)
{
    /// <param name="output">Of the client.</param>
    /// <param name="fault">What it is told.</param>
    /// <param name="isInsideFrame">Half a frame of megabytes has gone out, which would swallow this one.</param>
    public void Fail(IBufferWriter<byte> output, Fault fault, bool isInsideFrame)
    {
        EndFrame(output, isInsideFrame);
        if (translation is null)
        {
            client.WriteErrorEvent(output, fault, requestId, reader);
        }
        else
        {
            translation.Fail(output, fault, requestId);
        }
    }

    /// <summary>As at the output cap.</summary>
    public void ReachCap(IBufferWriter<byte> output, in TokenCounts charged, bool isInsideFrame)
    {
        EndFrame(output, isInsideFrame);
        if (translation is null)
        {
            reader.WriteCapReached(output, charged);
        }
        else
        {
            translation.ReachCap(output, charged);
        }
    }

    private static void EndFrame(IBufferWriter<byte> output, bool isInsideFrame)
    {
        if (isInsideFrame)
        {
            output.Write("\n\n"u8);
        }
    }
}
