using System.Buffers;
using System.Net;

namespace Crew.Gateway.Forwarding;

/// <summary>A body made of slices of another one and of a few new bytes between them. Nothing large is copied.</summary>
internal sealed class SplicedBody
{
    private readonly List<ReadOnlyMemory<byte>> _parts;
    private int _sending;

    private SplicedBody(List<ReadOnlyMemory<byte>> parts, long bytes) => (_parts, Bytes) = (parts, bytes);

    /// <summary>The length in bytes.</summary>
    public long Bytes { get; }

    public IReadOnlyList<ReadOnlyMemory<byte>> Parts => _parts;

    /// <summary>Whether the memory is being read right now: a provider may answer before it has taken the whole request.</summary>
    public bool IsBeingSent => Volatile.Read(ref _sending) > 0;

    /// <param name="body">The original.</param>
    /// <param name="changes">Ranges to exchange, ordered and without overlap.</param>
    public static SplicedBody Build(ReadOnlySequence<byte> body, IReadOnlyList<(ByteRange At, byte[] Bytes)> changes)
    {
        var parts = new List<ReadOnlyMemory<byte>>((changes.Count * 2) + 1);
        var (kept, bytes) = (0L, body.Length);
        foreach (var (at, replacement) in changes)
        {
            Keep(at.Start);
            parts.Add(replacement);
            kept = at.End;
            bytes += replacement.Length - at.Length;
        }

        Keep(body.Length);
        return new SplicedBody(parts, bytes);

        void Keep(long end)
        {
            foreach (var segment in body.Slice(kept, end - kept))
            {
                if (!segment.IsEmpty)
                {
                    parts.Add(segment);
                }
            }
        }
    }

    public ReadOnlySequence<byte> ToSequence()
    {
        if (_parts.Count <= 1)
        {
            return _parts.Count == 0 ? ReadOnlySequence<byte>.Empty : new ReadOnlySequence<byte>(_parts[0]);
        }

        var first = new Segment(_parts[0], null);
        var last = first;
        for (var i = 1; i < _parts.Count; i++)
        {
            last = new Segment(_parts[i], last);
        }

        return new ReadOnlySequence<byte>(first, 0, last, last.Memory.Length);
    }

    /// <summary>The body as an HTTP content of known length that can be sent more than once.</summary>
    /// <param name="mayLeave">Asked each time when there is a connection and the first byte is about to leave; false ends the call.</param>
    /// <param name="of">What it is asked of.</param>
    public HttpContent ToContent(string contentType = "application/json", Func<object?, bool>? mayLeave = null, object? of = null)
    {
        var content = new SlicedContent(this, mayLeave, of);
        content.Headers.TryAddWithoutValidation("Content-Type", contentType);
        return content;
    }

    private sealed class Segment : ReadOnlySequenceSegment<byte>
    {
        public Segment(ReadOnlyMemory<byte> memory, Segment? before)
        {
            Memory = memory;
            if (before is not null)
            {
                before.Next = this;
                RunningIndex = before.RunningIndex + before.Memory.Length;
            }
        }
    }

    private sealed class SlicedContent(SplicedBody body, Func<object?, bool>? mayLeave, object? of) : HttpContent
    {
        protected override Task SerializeToStreamAsync(Stream stream, TransportContext? context) =>
            SerializeToStreamAsync(stream, context, CancellationToken.None);

        protected override async Task SerializeToStreamAsync(Stream stream, TransportContext? context, CancellationToken cancellationToken)
        {
            if (mayLeave?.Invoke(of) == false)
            {
                throw new OperationCanceledException("The request was withheld.");
            }

            Interlocked.Increment(ref body._sending);
            try
            {
                foreach (var part in body._parts)
                {
                    await stream.WriteAsync(part, cancellationToken);
                }
            }
            finally
            {
                Interlocked.Decrement(ref body._sending);
            }
        }

        protected override bool TryComputeLength(out long length)
        {
            length = body.Bytes;
            return true;
        }
    }
}
