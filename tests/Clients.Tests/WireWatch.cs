namespace Crew.Clients.Tests;

/// <summary>Looks at the bytes of answers on their way into an official client, and changes none.</summary>
internal sealed class WireWatch() : DelegatingHandler(new SocketsHttpHandler { UseProxy = false })
{
    private int _sent;
    private int _pings;

    public int Sent => Volatile.Read(ref _sent);

    /// <summary>Signs of life that came in streams.</summary>
    public int Pings => Volatile.Read(ref _pings);

    protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        Interlocked.Increment(ref _sent);
        var answer = await base.SendAsync(request, cancellationToken);
        if (answer.Content.Headers.ContentType?.MediaType == "text/event-stream")
        {
            var watched = new StreamContent(new Watched(await answer.Content.ReadAsStreamAsync(cancellationToken), this));
            foreach (var (name, values) in answer.Content.Headers.NonValidated)
            {
                watched.Headers.TryAddWithoutValidation(name, values.AsEnumerable());
            }

            answer.Content = watched;
        }

        return answer;
    }

    private void Look(ReadOnlySpan<byte> bytes)
    {
        // One goes out in a flush of its own, so it comes in one read.
        if (bytes.IndexOf(": ping"u8) >= 0)
        {
            Interlocked.Increment(ref _pings);
        }
    }

    private sealed class Watched(Stream inner, WireWatch watch) : Stream
    {
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
            var count = await inner.ReadAsync(buffer, cancellationToken);
            watch.Look(buffer.Span[..count]);
            return count;
        }

        public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
            ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

        public override int Read(byte[] buffer, int offset, int count)
        {
            var read = inner.Read(buffer, offset, count);
            watch.Look(buffer.AsSpan(offset, read));
            return read;
        }

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
                inner.Dispose();
            }

            base.Dispose(disposing);
        }
    }
}
