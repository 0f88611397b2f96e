using System.Buffers;
using Crew.Gateway.Forwarding;
using Crew.Gateway.Metering;

namespace Crew.Gateway.Dialects;

/// <summary>
/// Learns from the events of one streamed answer what metering needs, and says which of them end it. One per stream; nothing that a
/// provider may send makes it throw.
/// </summary>
internal abstract class EventReader
{
    /// <summary>The last whole usage that any event carried; null where the provider has sent none so far.</summary>
    public TokenCounts? Usage { get; protected set; }

    /// <summary>The input as the provider counted it at the beginning, where a format says so before it knows the output.</summary>
    public TokenCounts? InputSoFar { get; protected set; }

    /// <summary>The usage of an answer that has ended; null while more may be produced and billed, whatever was counted by then.</summary>
    public TokenCounts? FinalUsage => FinishReason is not null || IsDone ? Usage : null;

    /// <summary>Why the answer ended: a word of the dialect, <c>other</c>, or null while it goes on.</summary>
    public string? FinishReason { get; protected set; }

    /// <summary>The provider reported an error inside the stream.</summary>
    public bool SawError { get; protected set; }

    /// <summary>The closing event has arrived. Nothing after it counts, so the caller stops reading.</summary>
    public bool IsDone { get; protected set; }

    /// <summary>UTF-8 bytes of text, arguments, refusals and reasoning so far.</summary>
    public long TextBytes { get; protected set; }

    /// <summary>A longer frame passes as it comes, unread; an error of that length is replaced, since nobody can have searched it.</summary>
    public virtual int MaxFrameBytes => 1 << 20;

    /// <summary>A longer tail is no tail; it is given to the client.</summary>
    public virtual int MaxTailBytes => 1 << 18;

    /// <summary>Reads the data of one event.</summary>
    public abstract FrameFate Read(ReadOnlySpan<byte> data, bool isErrorEvent);

    /// <summary>Whether the beginning of an event that is too long to be read whole says that it is an error; then <see cref="SawError"/> is set.</summary>
    public virtual bool ReadsError(ReadOnlySpan<byte> beginning, bool isErrorEvent) => SawError |= isErrorEvent;

    /// <summary>
    /// Writes the frames with which an answer ends that was cut at this place because no more output is paid for: as the provider would
    /// have ended it at its output cap. To be called between two events.
    /// </summary>
    /// <param name="charged">What the cut answer was settled at.</param>
    public abstract void WriteCapReached(IBufferWriter<byte> output, in TokenCounts charged);
}
