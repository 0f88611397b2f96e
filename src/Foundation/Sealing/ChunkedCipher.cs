using System.Buffers;
using System.Buffers.Binary;
using Crew.Kernel;

namespace Crew.Sealing;

/// <summary>
/// Encryption of files and backups of any length in constant memory: AES-256-GCM in chunks of 64 KiB, after the STREAM
/// construction (Hoang, Reyhanitabar, Rogaway, Vizár 2015).
/// <code>"CREWFILE" | format (1) | key version (4, big endian) | salt (32) | chunk* </code>
/// The file's own key is HKDF-SHA-256 over key and salt, with header and associated data as info. A chunk is ciphertext and tag
/// under the nonce <c>0 (7) | chunk number (4) | last (1)</c>. All chunks but the last are full, and only an empty file has an
/// empty one, so cutting, reordering, dropping, repeating and appending are all noticed.
/// </summary>
/// <remarks>
/// Plaintext of a chunk is given out once that chunk is authentic, before the end of the file was seen. Whoever acts on the
/// whole (a restore) does so after the end was reached.
/// </remarks>
public static class ChunkedCipher
{
    /// <summary>Bytes of plaintext in every chunk but the last.</summary>
    public const int ChunkBytes = 64 * 1024;

    /// <summary>Bytes of the header in front of the chunks.</summary>
    public const int HeaderBytes = 8 + 1 + 4 + SaltBytes;

    internal const int SaltBytes = 32;
    private const byte Format = 1;

    /// <summary>The length of the encrypted form of <paramref name="plaintextBytes"/> bytes.</summary>
    public static long SealedLength(long plaintextBytes)
    {
        var chunks = Math.Max(1, (plaintextBytes + ChunkBytes - 1) / ChunkBytes);
        return HeaderBytes + plaintextBytes + (chunks * Envelope.TagBytes);
    }

    /// <summary>Encrypts a stream to its end; returns the bytes of plaintext. Neither stream is closed.</summary>
    public static async Task<long> EncryptAsync(
        Stream source,
        Stream target,
        ReadOnlyMemory<byte> key32,
        int keyVersion,
        ReadOnlyMemory<byte> associatedData,
        CancellationToken cancel)
    {
        await using var encrypting = new EncryptingStream(target, key32.Span, keyVersion, associatedData.Span, leaveOpen: true);
        var total = await CopyAsync(source, encrypting, cancel);
        await encrypting.CompleteAsync(cancel);
        return total;
    }

    /// <summary>
    /// Decrypts a stream to its end; returns the bytes of plaintext, or <c>file_damaged</c> for a file that is not exactly what was
    /// sealed under this key for these associated data. What was written to the target before that is to be thrown away.
    /// </summary>
    public static async Task<Outcome<long>> DecryptAsync(
        Stream source, Stream target, ReadOnlyMemory<byte> key32, ReadOnlyMemory<byte> associatedData, CancellationToken cancel)
    {
        await using var decrypting = new DecryptingStream(source, key32.Span, associatedData.Span, leaveOpen: true);
        try
        {
            return await CopyAsync(decrypting, target, cancel);
        }
        catch (DamagedFileException)
        {
            return SealingFaults.FileDamaged;
        }
    }

    /// <summary>Reads the key version from a header. False when this is no encrypted file of ours.</summary>
    public static bool TryReadKeyVersion(ReadOnlySpan<byte> header, out int keyVersion)
    {
        keyVersion = 0;
        if (header.Length < HeaderBytes || !header.StartsWith("CREWFILE"u8) || header[8] != Format)
        {
            return false;
        }

        keyVersion = BinaryPrimitives.ReadInt32BigEndian(header[9..]);
        return keyVersion >= 0;
    }

    internal static void WriteHeader(Span<byte> header, int keyVersion)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(keyVersion);
        "CREWFILE"u8.CopyTo(header);
        header[8] = Format;
        BinaryPrimitives.WriteInt32BigEndian(header[9..], keyVersion);
        System.Security.Cryptography.RandomNumberGenerator.Fill(header.Slice(HeaderBytes - SaltBytes, SaltBytes));
    }

    private static async Task<long> CopyAsync(Stream source, Stream target, CancellationToken cancel)
    {
        var buffer = ArrayPool<byte>.Shared.Rent(ChunkBytes);
        try
        {
            long total = 0;
            while (await source.ReadAsync(buffer.AsMemory(0, ChunkBytes), cancel) is > 0 and var read)
            {
                await target.WriteAsync(buffer.AsMemory(0, read), cancel);
                total += read;
            }

            return total;
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer, clearArray: true);
        }
    }
}

/// <summary>The encrypted file was truncated, extended, changed, or sealed under another key. Says nothing of its content.</summary>
public sealed class DamagedFileException : IOException
{
    public DamagedFileException()
        : base(SealingFaults.FileDamaged.Message)
    {
    }

    public DamagedFileException(string message)
        : base(message)
    {
    }

    public DamagedFileException(string message, Exception inner)
        : base(message, inner)
    {
    }
}
