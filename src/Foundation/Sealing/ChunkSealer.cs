using System.Buffers.Binary;
using System.Security.Cryptography;

namespace Crew.Sealing;

/// <summary>Seals or opens the chunks of one file in order. Not thread-safe.</summary>
internal sealed class ChunkSealer : IDisposable
{
    private readonly AesGcm _cipher;
    private readonly byte[] _nonce = new byte[12];
    private uint _next;
    private bool _ended;

    public ChunkSealer(ReadOnlySpan<byte> key32, ReadOnlySpan<byte> header, ReadOnlySpan<byte> associatedData)
    {
        if (key32.Length != Envelope.KeyBytes)
        {
            throw new ArgumentException("The key has to be 32 bytes long.", nameof(key32));
        }

        // The header has a fixed length, so header and associated data cannot be shifted against each other.
        byte[] info = [.. header, .. associatedData];
        Span<byte> fileKey = stackalloc byte[Envelope.KeyBytes];
        HKDF.DeriveKey(HashAlgorithmName.SHA256, key32, fileKey, header[^ChunkedCipher.SaltBytes..], info);
        _cipher = new AesGcm(fileKey, Envelope.TagBytes);
        CryptographicOperations.ZeroMemory(fileKey);
    }

    /// <summary>Whether no chunk was taken yet; only then may the last chunk be empty.</summary>
    public bool IsAtStart => _next == 0 && !_ended;

    public void Seal(ReadOnlySpan<byte> plaintext, bool last, Span<byte> target)
    {
        Advance(last);
        _cipher.Encrypt(_nonce, plaintext, target[..plaintext.Length], target.Slice(plaintext.Length, Envelope.TagBytes));
    }

    public bool TryOpen(ReadOnlySpan<byte> chunk, bool last, Span<byte> target)
    {
        Advance(last);
        try
        {
            _cipher.Decrypt(_nonce, chunk[..^Envelope.TagBytes], chunk[^Envelope.TagBytes..], target[..(chunk.Length - Envelope.TagBytes)]);
            return true;
        }
        catch (AuthenticationTagMismatchException)
        {
            return false;
        }
    }

    public void Dispose() => _cipher.Dispose();

    private void Advance(bool last)
    {
        if (_ended)
        {
            throw new InvalidOperationException("The last chunk was taken already.");
        }

        BinaryPrimitives.WriteUInt32BigEndian(_nonce.AsSpan(7), _next);
        _nonce[11] = last ? (byte)1 : (byte)0;
        _ended = last;

        // Checked: past 2^32 chunks (256 TiB) a nonce would come again.
        _next++;
    }
}
