using System.Buffers;
using Crew.Gateway.Dialects;
using Crew.Gateway.Dialects.Translation;
using Crew.Gateway.Metering;

namespace Crew.Gateway.Forwarding;

/// <summary>
/// Watches the event stream of an answer on its way to the client. Bytes pass unchanged, however the chunks are cut;
/// only a usage chunk that the gateway itself asked for is taken out. The frames that end the stream are held back, so that
/// the caller can make the settlement durable before the client sees the end.
/// </summary>
/// <remarks>
/// <code>
/// upstream ─► carry (a frame that is not complete) ─► frame ─► pass ──► output
///                                                           ├─ hold ──► tail ─► output, by ReleaseTail or before a later frame
///                                                           └─ strip
/// </code>
/// Not thread-safe. Disposing gives the pooled memory back.
/// </remarks>
internal sealed class SseScanner(EventReader reader, CredentialEcho? echo = null, TranslatedStream? translation = null) : IDisposable
{
    private readonly ByteStore _carry = new();
    private readonly ByteStore _tail = new();
    private readonly ByteStore _joint = new();

    /// <summary>Where the provider's own bytes go when the client gets a translation of them.</summary>
    private readonly ByteStore _discarded = new();
    private IBufferWriter<byte>? _translated;
    private readonly int _maxFrameBytes = reader.MaxFrameBytes;
    private readonly int _maxTailBytes = reader.MaxTailBytes;
    private int _scanned;
    private int _lineStart;
    private bool _frameIsLong;
    private bool _lineFeedMayFollow;
    private bool _begun;

    /// <summary>Where in the tail the frame begins that the provider left incomplete; -1 for none.</summary>
    private int _incompleteAt = -1;
    private FrameFate _last = FrameFate.Pass;

    public TokenCounts? Usage => reader.Usage;

    public string? FinishReason => reader.FinishReason;

    public bool SawError => reader.SawError;

    /// <summary>A frame repeated the provider's credential. It was taken out; the caller ends the stream by an error of its own.</summary>
    public bool SawCredential { get; private set; }

    /// <summary>An error was too long to be read. It was taken out; the caller ends the stream by an error of its own.</summary>
    public bool SawLongError { get; private set; }

    /// <summary>Text, a tool call, a refusal or reasoning has begun; until then another target could still take over.</summary>
    public bool SawContent => reader.TextBytes > 0;

    public bool IsDone => reader.IsDone;

    /// <summary>The client got something of ours before the first event: a byte order mark is then no longer at the beginning, and is left out.</summary>
    public bool IsPreceded { get; set; }

    /// <summary>UTF-8 bytes of text, arguments, refusals and reasoning that have gone to the client.</summary>
    public long DeliveredTextBytes => reader.TextBytes;

    /// <summary>
    /// Output that has arrived, in tokens at the most: each covers at least one byte. A frame that was too long to be read may hold any number.
    /// </summary>
    public long MostOutputTokens => LongFrames > 0 ? int.MaxValue : Math.Max(reader.TextBytes, reader.Usage?.AllOutput ?? 0);

    /// <summary>Frames that were too long to read; usage may have been in one of them.</summary>
    public int LongFrames { get; private set; }

    /// <summary>An event could not be said in the client's dialect; the rest of the answer would be missing in silence.</summary>
    public bool IsUntranslatable => translation is { IsBroken: true };

    /// <summary>Half a frame that was too long to be kept has gone out. What follows has to end it first.</summary>
    public bool IsInsideFrame => _frameIsLong;

    /// <summary>Bytes that wait for the settlement.</summary>
    public int TailBytes => _tail.Length;

    /// <summary>Takes bytes from the provider and writes those that may go out at once.</summary>
    public void Push(ReadOnlySpan<byte> chunk, IBufferWriter<byte> output)
    {
        if (translation is not null)
        {
            (_translated, output) = (output, _discarded);
            _discarded.Clear();
        }

        chunk = TakeLineFeed(chunk, output);
        if (chunk.IsEmpty || IsDone || SawLongError)
        {
            return;
        }

        if (_carry.Length == 0)
        {
            _carry.Append(chunk[Walk(chunk, output)..]);
        }
        else
        {
            _carry.Append(chunk);
            _carry.KeepFrom(Walk(_carry.Span, output));
        }

        if (_carry.Length > _maxFrameBytes || (_frameIsLong && _carry.Length > 0))
        {
            PassLongFrame(output);
        }
    }

    /// <summary>
    /// The provider has ended the stream. A frame that it left incomplete joins the tail: clients discard it, and it may be the
    /// last that is known of a usage chunk cut in half.
    /// </summary>
    public void Complete()
    {
        if (translation is not null)
        {
            CompleteTranslation(translation);
        }
        else if (_carry.Length > 0 && !IsDone && !SawLongError && (_frameIsLong || Inspect(_carry.Span) != FrameFate.Strip))
        {
            _incompleteAt = IsDone ? -1 : _tail.Length;
            _tail.Append(_carry.Span);
        }

        _carry.Clear();
        (_scanned, _lineStart) = (0, 0);
    }

    /// <summary>Writes what was held back; to be called when the settlement is durable.</summary>
    /// <param name="output">Of the client.</param>
    /// <param name="withIncomplete">False where an event of ours follows, which half a frame before it would make unreadable.</param>
    public void ReleaseTail(IBufferWriter<byte> output, bool withIncomplete = true)
    {
        if (_tail.Length > 0)
        {
            output.Write(withIncomplete || _incompleteAt < 0 ? _tail.Span : _tail.Span[.._incompleteAt]);
            _tail.Clear();
        }
    }

    public void Dispose()
    {
        _carry.Dispose();
        _tail.Dispose();
        _joint.Dispose();
        _discarded.Dispose();
        translation?.Dispose();
    }

    /// <summary>Sends all complete frames of <paramref name="work"/> where they belong and says how many bytes that were.</summary>
    private int Walk(ReadOnlySpan<byte> work, IBufferWriter<byte> output)
    {
        var (runStart, frameStart, lineStart, position) = (0, 0, _lineStart, _scanned);
        while (work[position..].IndexOfAny((byte)'\n', (byte)'\r') is var found and >= 0)
        {
            var end = position + found;
            var next = EndOfLine(work, end);

            // An empty line ends a frame. A comment before any field is a keep-alive and must not wait for one.
            var ends = end == lineStart || (lineStart == frameStart && work[lineStart] == ':' && !_frameIsLong);
            (position, lineStart) = (next, next);
            if (ends)
            {
                if (IsPreceded && !_begun && work.StartsWith("\uFEFF"u8))
                {
                    runStart = frameStart = 3;
                }

                var fate = _frameIsLong ? FrameFate.Pass : Inspect(work[frameStart..next]);
                _frameIsLong = false;
                Send(work, ref runStart, frameStart, next, fate, output);
                frameStart = next;
                if (IsDone)
                {
                    output.Write(work[runStart..frameStart]);
                    (_scanned, _lineStart) = (0, 0);
                    return work.Length;
                }
            }
        }

        output.Write(work[runStart..frameStart]);
        (_scanned, _lineStart) = (work.Length - frameStart, lineStart - frameStart);
        return frameStart;
    }

    /// <summary>Where the line that ends at <paramref name="end"/> is over; a line feed behind a carriage return belongs to it.</summary>
    private int EndOfLine(ReadOnlySpan<byte> work, int end)
    {
        var next = end + 1;
        if (work[end] == '\r')
        {
            if (next == work.Length)
            {
                _lineFeedMayFollow = true;
            }
            else if (work[next] == '\n')
            {
                next++;
            }
        }

        return next;
    }

    /// <summary>Puts a line feed that the cut of the chunks parted from its carriage return to where that one went.</summary>
    private ReadOnlySpan<byte> TakeLineFeed(ReadOnlySpan<byte> chunk, IBufferWriter<byte> output)
    {
        if (!_lineFeedMayFollow || chunk.IsEmpty)
        {
            return chunk;
        }

        _lineFeedMayFollow = false;
        if (chunk[0] != '\n')
        {
            return chunk;
        }

        if (_carry.Length > 0 || _frameIsLong)
        {
            _carry.Append(chunk[..1]);
            _scanned++;
            _lineStart++;
        }
        else if (_last == FrameFate.Pass)
        {
            output.Write(chunk[..1]);
        }
        else if (_last == FrameFate.Hold)
        {
            _tail.Append(chunk[..1]);
        }

        return chunk[1..];
    }

    private FrameFate Inspect(ReadOnlySpan<byte> frame)
    {
        if (!_begun)
        {
            _begun = true;
            frame = frame.StartsWith("\uFEFF"u8) ? frame[3..] : frame;
        }

        var isEvent = SseFrame.TryGetData(frame, _joint, out var data, out var isErrorEvent);
        var fate = isEvent ? reader.Read(data, isErrorEvent) : FrameFate.Follow;
        if (echo is not null && (reader.SawError ? echo.IsIn(frame) : echo.IsInAnswer(frame)))
        {
            SawCredential = true;
            return FrameFate.Strip;
        }

        var hidden = isEvent && reader.SawError ? AccountNames.Hide(frame) : null;
        if (hidden is not null)
        {
            frame = hidden;
            SseFrame.TryGetData(frame, _joint, out data, out _);
        }

        if (translation is not null)
        {
            Translate(translation, isEvent, frame, data, fate);
            return FrameFate.Strip;
        }

        if (hidden is not null)
        {
            // Behind an error nothing is in a hurry: what has to be exchanged waits for the end.
            _tail.Append(hidden);
            return FrameFate.Strip;
        }

        return fate;
    }

    /// <summary>Puts the translation of a frame to where the frame itself would have gone.</summary>
    private void Translate(TranslatedStream into, bool isEvent, ReadOnlySpan<byte> frame, ReadOnlySpan<byte> data, FrameFate fate)
    {
        if (fate == FrameFate.Pass)
        {
            ReleaseTail(_translated!);
        }

        var passes = fate == FrameFate.Pass || (fate == FrameFate.Follow && _tail.Length == 0);
        if (isEvent)
        {
            into.Take(data, passes ? _translated! : _tail);
        }
        else if (frame is [(byte)':', ..])
        {
            into.TakeNothing(passes ? _translated! : _tail);
        }
    }

    /// <summary>A frame that was cut is metered, but no client would have seen it; a closing event that was left out is made up for.</summary>
    private void CompleteTranslation(TranslatedStream into)
    {
        if (_carry.Length > 0 && !IsDone && !_frameIsLong && SseFrame.TryGetData(_carry.Span, _joint, out var data, out var isErrorEvent))
        {
            reader.Read(data, isErrorEvent);
        }

        if (reader.FinishReason is not null && !reader.SawError)
        {
            into.End(_tail);
        }
    }

    private void Send(
        ReadOnlySpan<byte> work, ref int runStart, int frameStart, int frameEnd, FrameFate fate, IBufferWriter<byte> output)
    {
        if (fate == FrameFate.Follow)
        {
            fate = _tail.Length > 0 ? FrameFate.Hold : FrameFate.Pass;
        }

        _last = fate;
        if (fate == FrameFate.Pass)
        {
            // What was held turned out not to be the end. Everything before it has been written already.
            ReleaseTail(output);
            return;
        }

        output.Write(work[runStart..frameStart]);
        runStart = frameEnd;
        if (fate == FrameFate.Hold)
        {
            _tail.Append(work[frameStart..frameEnd]);
            if (_tail.Length > _maxTailBytes)
            {
                ReleaseTail(output);
            }
        }
    }

    private void PassLongFrame(IBufferWriter<byte> output)
    {
        if (!_frameIsLong)
        {
            LongFrames++;
            SawLongError = SseFrame.TryGetData(_carry.Span, _joint, out var data, out var isErrorEvent) && reader.ReadsError(data, isErrorEvent);
        }

        translation?.Break();
        (_frameIsLong, _begun, _last) = (true, true, FrameFate.Pass);
        if (!SawLongError)
        {
            ReleaseTail(output);
            output.Write(_carry.Span);
        }

        // Only whether the next byte begins a line matters from here on.
        (_scanned, _lineStart) = (0, _lineStart == _carry.Length ? 0 : -1);
        _carry.Clear();
    }
}
