namespace Crew.Gateway.Sandbox;

/// <summary>A step of a streamed answer: wait, then give bytes, or break the connection.</summary>
internal readonly record struct SandboxStep(ReadOnlyMemory<byte> Bytes, int DelayMs = 0, bool Breaks = false);

/// <summary>Gives the steps to whoever reads, at their pace: what is ready at once comes in one read, as from a socket.</summary>
internal sealed class SandboxStream(IEnumerable<SandboxStep> steps, TimeProvider clock) : Stream
{
    private readonly IEnumerator<SandboxStep> _steps = steps.GetEnumerator();
    private ReadOnlyMemory<byte> _bytes;
    private bool _has;
    private bool _waited;

    public override bool CanRead => true;

    public override bool CanSeek => false;

    public override bool CanWrite => false;

    public override long Length => throw new NotSupportedException();

    public override long Position
    {
        get => throw new NotSupportedException();
        set => throw new NotSupportedException();
    }

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        cancellationToken.ThrowIfCancellationRequested();
        if (buffer.IsEmpty)
        {
            // As with a socket, a read of nothing waits until there is something.
            _ = !_bytes.IsEmpty || await TryAdvanceAsync(mustNotWait: false, cancellationToken);
            return 0;
        }

        var written = 0;
        while (written < buffer.Length)
        {
            if (_bytes.IsEmpty && !await TryAdvanceAsync(written > 0, cancellationToken))
            {
                break;
            }

            var length = Math.Min(_bytes.Length, buffer.Length - written);
            _bytes[..length].CopyTo(buffer[written..]);
            _bytes = _bytes[length..];
            written += length;
        }

        return written;
    }

    public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    public override int Read(byte[] buffer, int offset, int count) =>
        throw new NotSupportedException("The sandbox is read asynchronously.");

    public override void Flush()
    {
    }

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            _steps.Dispose();
        }

        base.Dispose(disposing);
    }

    /// <summary>Moves to the next step; false at the end, and where that step must not be merged with bytes already read.</summary>
    private async ValueTask<bool> TryAdvanceAsync(bool mustNotWait, CancellationToken cancel)
    {
        if (!_has)
        {
            (_has, _waited) = (_steps.MoveNext(), false);
            if (!_has)
            {
                return false;
            }
        }

        var step = _steps.Current;
        if (mustNotWait && (step.Breaks || (step.DelayMs > 0 && !_waited)))
        {
            return false;
        }

        if (step.DelayMs > 0 && !_waited)
        {
            await Task.Delay(TimeSpan.FromMilliseconds(step.DelayMs), clock, cancel);
            _waited = true;
        }

        if (step.Breaks)
        {
            throw new HttpIOException(HttpRequestError.ResponseEnded, "The sandbox broke the connection, as a directive asked.");
        }

        (_bytes, _has) = (step.Bytes, false);
        return true;
    }
}
