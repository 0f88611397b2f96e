using System.Security.Cryptography;

namespace Crew.Sealing;

/// <summary>
/// Read-only stream over an encrypted file (see <see cref="ChunkedCipher"/>). Throws <see cref="DamagedFileException"/> as soon as
/// a chunk is not authentic or the file ends too early or too late; the end of the stream is reported only for a whole file.
/// </summary>
public sealed class DecryptingStream : Stream
{
    private const int SealedChunkBytes = ChunkedCipher.ChunkBytes + Envelope.TagBytes;

    private readonly Stream _source;
    private readonly bool _leaveOpen;
    private readonly Func<int, byte[]?> _keyOf;
    private readonly byte[] _associatedData;
    private readonly byte[] _plain = new byte[ChunkedCipher.ChunkBytes];

    // One byte more than a chunk: whether it is there tells the last chunk from the others.
    private readonly byte[] _sealed = new byte[SealedChunkBytes + 1];
    private ChunkSealer? _opener;
    private int _ahead;
    private int _start;
    private int _end;
    private bool _last;
    private bool _damaged;

    /// <param name="source">The encrypted file.</param>
    /// <param name="keyOf">The 32-byte key of a key version, or null when it is not known, which counts as damage.</param>
    /// <param name="associatedData">The bytes given when the file was encrypted.</param>
    /// <param name="leaveOpen">Whether disposing leaves the source open.</param>
    public DecryptingStream(Stream source, Func<int, byte[]?> keyOf, ReadOnlySpan<byte> associatedData, bool leaveOpen = false) =>
        (_source, _keyOf, _associatedData, _leaveOpen) = (source, keyOf, associatedData.ToArray(), leaveOpen);

    /// <summary>A file whose key is known already; the key version in its header is not looked at.</summary>
    public DecryptingStream(Stream source, ReadOnlySpan<byte> key32, ReadOnlySpan<byte> associatedData, bool leaveOpen = false)
        : this(source, KeyOf(key32.ToArray()), associatedData, leaveOpen)
    {
    }

    public override bool CanRead => true;

    public override bool CanSeek => false;

    public override bool CanWrite => false;

    public override long Length => throw new NotSupportedException();

    public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        while (_start == _end && !_last && !buffer.IsEmpty)
        {
            if (_opener is null)
            {
                var header = await _source.ReadAtLeastAsync(
                    _sealed.AsMemory(0, ChunkedCipher.HeaderBytes),
                    ChunkedCipher.HeaderBytes,
                    throwOnEndOfStream: false,
                    cancellationToken);
                _opener = ReadHeader(header);
            }

            var wanted = _sealed.Length - _ahead;
            Open(_ahead + await _source.ReadAtLeastAsync(_sealed.AsMemory(_ahead), wanted, throwOnEndOfStream: false, cancellationToken));
        }

        return Give(buffer.Span);
    }

    public override int Read(Span<byte> buffer)
    {
        while (_start == _end && !_last && !buffer.IsEmpty)
        {
            _opener ??= ReadHeader(_source.ReadAtLeast(
                _sealed.AsSpan(0, ChunkedCipher.HeaderBytes), ChunkedCipher.HeaderBytes, throwOnEndOfStream: false));
            Open(_ahead + _source.ReadAtLeast(_sealed.AsSpan(_ahead), _sealed.Length - _ahead, throwOnEndOfStream: false));
        }

        return Give(buffer);
    }

    public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    public override int Read(byte[] buffer, int offset, int count) => Read(buffer.AsSpan(offset, count));

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
            _opener?.Dispose();
            CryptographicOperations.ZeroMemory(_plain);
            if (!_leaveOpen)
            {
                _source.Dispose();
            }
        }

        base.Dispose(disposing);
    }

    private static Func<int, byte[]?> KeyOf(byte[] key) => _ => key;

    private ChunkSealer ReadHeader(int length)
    {
        var header = _sealed.AsSpan(0, length);
        return !_damaged && ChunkedCipher.TryReadKeyVersion(header, out var version) && _keyOf(version) is { } key
            ? new ChunkSealer(key, header, _associatedData)
            : throw Damaged();
    }

    private void Open(int filled)
    {
        if (_damaged)
        {
            throw Damaged();
        }

        var last = filled < _sealed.Length;
        var length = Math.Min(filled, SealedChunkBytes);
        var plainLength = length - Envelope.TagBytes;
        if (plainLength < 0 || (plainLength == 0 && !_opener!.IsAtStart) || !_opener!.TryOpen(_sealed.AsSpan(0, length), last, _plain))
        {
            throw Damaged();
        }

        _sealed[0] = _sealed[^1];
        (_ahead, _start, _end, _last) = (last ? 0 : 1, 0, plainLength, last);
    }

    private DamagedFileException Damaged()
    {
        _damaged = true;
        return new DamagedFileException();
    }

    private int Give(Span<byte> buffer)
    {
        var given = Math.Min(buffer.Length, _end - _start);
        _plain.AsSpan(_start, given).CopyTo(buffer);
        _start += given;
        return given;
    }
}
