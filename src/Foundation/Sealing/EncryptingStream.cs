using System.Security.Cryptography;

namespace Crew.Sealing;

/// <summary>
/// Write-only stream that encrypts into another one (see <see cref="ChunkedCipher"/>). <see cref="CompleteAsync"/> writes the last
/// chunk. Disposing without it leaves a file that will not open: so an exception between the two never makes a short file that
/// looks whole.
/// </summary>
public sealed class EncryptingStream : Stream
{
    private readonly Stream _target;
    private readonly bool _leaveOpen;
    private readonly ChunkSealer _sealer;
    private readonly byte[] _plain = new byte[ChunkedCipher.ChunkBytes];
    private readonly byte[] _out = new byte[ChunkedCipher.HeaderBytes + ChunkedCipher.ChunkBytes + Envelope.TagBytes];
    private int _held;
    private int _header;
    private bool _completed;

    public EncryptingStream(
        Stream target, ReadOnlySpan<byte> key32, int keyVersion, ReadOnlySpan<byte> associatedData, bool leaveOpen = false)
    {
        (_target, _leaveOpen, _header) = (target, leaveOpen, ChunkedCipher.HeaderBytes);
        ChunkedCipher.WriteHeader(_out, keyVersion);
        _sealer = new ChunkSealer(key32, _out.AsSpan(0, ChunkedCipher.HeaderBytes), associatedData);
    }

    public override bool CanRead => false;

    public override bool CanSeek => false;

    public override bool CanWrite => !_completed;

    public override long Length => throw new NotSupportedException();

    public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }

    public override async ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
    {
        RequireOpen();
        while (!buffer.IsEmpty)
        {
            // A full chunk waits until more arrives: only then is it certain not to be the last.
            if (_held == _plain.Length)
            {
                await _target.WriteAsync(SealHeld(last: false), cancellationToken);
            }

            buffer = buffer[Hold(buffer.Span)..];
        }
    }

    public override void Write(ReadOnlySpan<byte> buffer)
    {
        RequireOpen();
        while (!buffer.IsEmpty)
        {
            if (_held == _plain.Length)
            {
                _target.Write(SealHeld(last: false).Span);
            }

            buffer = buffer[Hold(buffer)..];
        }
    }

    public override Task WriteAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        WriteAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    public override void Write(byte[] buffer, int offset, int count) => Write(buffer.AsSpan(offset, count));

    /// <summary>Writes the last chunk and flushes the target. Nothing can be written afterwards.</summary>
    public async Task CompleteAsync(CancellationToken cancel)
    {
        RequireOpen();
        _completed = true;
        await _target.WriteAsync(SealHeld(last: true), cancel);
        await _target.FlushAsync(cancel);
    }

    /// <summary>Flushes what was encrypted; a chunk that is not full yet stays here.</summary>
    public override void Flush() => _target.Flush();

    public override Task FlushAsync(CancellationToken cancellationToken) => _target.FlushAsync(cancellationToken);

    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            Close(_leaveOpen ? null : _target);
        }

        base.Dispose(disposing);
    }

    private void Close(Stream? target)
    {
        _completed = true;
        _sealer.Dispose();
        CryptographicOperations.ZeroMemory(_plain);
        target?.Dispose();
    }

    private void RequireOpen() => ObjectDisposedException.ThrowIf(_completed, this);

    private int Hold(ReadOnlySpan<byte> bytes)
    {
        var taken = Math.Min(bytes.Length, _plain.Length - _held);
        bytes[..taken].CopyTo(_plain.AsSpan(_held));
        _held += taken;
        return taken;
    }

    /// <summary>The held plaintext as a sealed chunk, with the header in front of the first.</summary>
    private ReadOnlyMemory<byte> SealHeld(bool last)
    {
        _sealer.Seal(_plain.AsSpan(0, _held), last, _out.AsSpan(_header));
        var chunk = _out.AsMemory(0, _header + _held + Envelope.TagBytes);
        (_held, _header) = (0, 0);
        return chunk;
    }
}
