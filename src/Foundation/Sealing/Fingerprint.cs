using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;

namespace Crew.Sealing;

/// <summary>
/// What is kept of a bearer credential for look-up: the first 16 bytes of <c>HMAC-SHA-256(pepper, SHA-256(key))</c>, big endian.
/// Without the pepper nobody can test a guess against it; 128 bits suffice for the match to be the verification.
/// Allocation-free and thread-safe.
/// </summary>
public static class Fingerprint
{
    private const int StackBytes = 256;

    /// <summary>The fingerprint of a key's text in UTF-8.</summary>
    public static UInt128 Of(ReadOnlySpan<byte> pepper, ReadOnlySpan<byte> key)
    {
        Span<byte> hash = stackalloc byte[SHA256.HashSizeInBytes];
        SHA256.HashData(key, hash);
        return OfHash(pepper, hash);
    }

    /// <inheritdoc cref="Of(ReadOnlySpan{byte}, ReadOnlySpan{byte})"/>
    public static UInt128 Of(ReadOnlySpan<byte> pepper, ReadOnlySpan<char> key)
    {
        if (key.Length > StackBytes / 3)
        {
            return Of(pepper, Encoding.UTF8.GetBytes(key.ToArray()).AsSpan());
        }

        Span<byte> bytes = stackalloc byte[StackBytes];
        return Of(pepper, bytes[..Encoding.UTF8.GetBytes(key, bytes)]);
    }

    /// <summary>The fingerprint from the stored SHA-256 of a key, for re-keying under a new pepper.</summary>
    public static UInt128 OfHash(ReadOnlySpan<byte> pepper, ReadOnlySpan<byte> sha256)
    {
        Span<byte> mac = stackalloc byte[HMACSHA256.HashSizeInBytes];
        HMACSHA256.HashData(pepper, sha256, mac);
        return BinaryPrimitives.ReadUInt128BigEndian(mac);
    }
}
