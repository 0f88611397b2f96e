using System.Buffers;
using System.Buffers.Binary;
using System.Diagnostics.CodeAnalysis;
using System.Security.Cryptography;

namespace Crew.Sealing;

/// <summary>
/// One sealed value: AES-256-GCM (NIST SP 800-38D) with a random 96-bit nonce.
/// <code>format (1) | key version (4, big endian) | nonce (12) | ciphertext | tag (16)</code>
/// Format and key version are authenticated together with the associated data. At most 2^32 values may be sealed under one
/// key version; rotate well before.
/// </summary>
public static class Envelope
{
    /// <summary>Bytes of a key.</summary>
    public const int KeyBytes = 32;

    /// <summary>Bytes that an envelope adds to its plaintext.</summary>
    public const int OverheadBytes = HeaderBytes + NonceBytes + TagBytes;

    internal const int TagBytes = 16;
    private const int HeaderBytes = 5;
    internal const int NonceBytes = 12;
    private const int StackBytes = 512;
    private const byte Format = 1;

    /// <summary>Seals <paramref name="plaintext"/>; <paramref name="keyVersion"/> travels in the header in clear.</summary>
    public static byte[] Seal(
        ReadOnlySpan<byte> key32, int keyVersion, ReadOnlySpan<byte> plaintext, ReadOnlySpan<byte> associatedData)
    {
        RequireKeyLength(key32);
        using var cipher = new AesGcm(key32, TagBytes);
        return Seal(cipher, keyVersion, plaintext, associatedData);
    }

    /// <summary>
    /// Opens an envelope. False when the key, the associated data or a single bit of the text is not the one it was sealed
    /// with; nothing of the content is released then, and no exception says more.
    /// </summary>
    public static bool TryOpen(
        ReadOnlySpan<byte> key32, ReadOnlySpan<byte> envelope, ReadOnlySpan<byte> associatedData, [NotNullWhen(true)] out byte[]? plaintext)
    {
        RequireKeyLength(key32);
        using var cipher = new AesGcm(key32, TagBytes);
        return TryOpen(cipher, envelope, associatedData, out plaintext);
    }

    /// <summary>Reads which key version opens an envelope. False when the text is no envelope at all.</summary>
    public static bool TryReadKeyVersion(ReadOnlySpan<byte> envelope, out int keyVersion)
    {
        keyVersion = 0;
        if (envelope.Length < OverheadBytes || envelope[0] != Format)
        {
            return false;
        }

        keyVersion = BinaryPrimitives.ReadInt32BigEndian(envelope[1..]);
        return keyVersion >= 0;
    }

    internal static byte[] Seal(AesGcm cipher, int keyVersion, ReadOnlySpan<byte> plaintext, ReadOnlySpan<byte> associatedData)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(keyVersion);
        var envelope = GC.AllocateUninitializedArray<byte>(OverheadBytes + plaintext.Length);
        envelope[0] = Format;
        BinaryPrimitives.WriteInt32BigEndian(envelope.AsSpan(1), keyVersion);
        var nonce = envelope.AsSpan(HeaderBytes, NonceBytes);
        Nonces.Fill(nonce);

        byte[]? rented = null;
        var length = HeaderBytes + associatedData.Length;
        var authenticated = length <= StackBytes
            ? stackalloc byte[StackBytes]
            : rented = ArrayPool<byte>.Shared.Rent(length);
        authenticated = authenticated[..length];
        envelope.AsSpan(0, HeaderBytes).CopyTo(authenticated);
        associatedData.CopyTo(authenticated[HeaderBytes..]);
        var ciphertext = envelope.AsSpan(HeaderBytes + NonceBytes, plaintext.Length);
        cipher.Encrypt(nonce, plaintext, ciphertext, envelope.AsSpan(^TagBytes..), authenticated);
        GiveBack(rented);
        return envelope;
    }

    internal static bool TryOpen(
        AesGcm cipher, ReadOnlySpan<byte> envelope, ReadOnlySpan<byte> associatedData, [NotNullWhen(true)] out byte[]? plaintext)
    {
        plaintext = null;
        if (!TryReadKeyVersion(envelope, out _))
        {
            return false;
        }

        byte[]? rented = null;
        var length = HeaderBytes + associatedData.Length;
        var authenticated = length <= StackBytes
            ? stackalloc byte[StackBytes]
            : rented = ArrayPool<byte>.Shared.Rent(length);
        authenticated = authenticated[..length];
        envelope[..HeaderBytes].CopyTo(authenticated);
        associatedData.CopyTo(authenticated[HeaderBytes..]);
        var opened = GC.AllocateUninitializedArray<byte>(envelope.Length - OverheadBytes);
        try
        {
            cipher.Decrypt(
                envelope.Slice(HeaderBytes, NonceBytes),
                envelope[(HeaderBytes + NonceBytes)..^TagBytes],
                envelope[^TagBytes..],
                opened,
                authenticated);
        }
        catch (AuthenticationTagMismatchException)
        {
            return false;
        }
        finally
        {
            GiveBack(rented);
        }

        plaintext = opened;
        return true;
    }

    private static void RequireKeyLength(ReadOnlySpan<byte> key32)
    {
        if (key32.Length != KeyBytes)
        {
            throw new ArgumentException("The key has to be 32 bytes long.", nameof(key32));
        }
    }

    private static void GiveBack(byte[]? rented)
    {
        if (rented is not null)
        {
            ArrayPool<byte>.Shared.Return(rented);
        }
    }
}
