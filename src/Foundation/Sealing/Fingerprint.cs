using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;

namespace Crew.Sealing;

/// <summary>
/// What is kept of a bearer credential for look-up: the first 16 bytes of <c>HMAC-SHA-256(pepper, SHA-256(key))</c>, big endian.
/// Without the pepper nobody can test a guess against it; 128 bits suffice for the match to be the verification.
/// Thread-safe, and allocation-free once a thread has met its pepper: each thread keeps the hash objects of the two peppers it
/// used last (two, so that a rotation is no cliff), because setting one up costs more than using it.
/// </summary>
public static class Fingerprint
{
    private const int StackBytes = 256;

    [ThreadStatic]
    private static IncrementalHash? _sha256;

    [ThreadStatic]
    private static Keyed? _latest;

    [ThreadStatic]
    private static Keyed? _former;

    /// <summary>The fingerprint of a key's text in UTF-8.</summary>
    public static UInt128 Of(ReadOnlySpan<byte> pepper, ReadOnlySpan<byte> key)
    {
        Span<byte> hash = stackalloc byte[SHA256.HashSizeInBytes];
        var sha256 = _sha256 ??= IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        sha256.AppendData(key);
        sha256.GetHashAndReset(hash);
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
        var hmac = KeyedWith(pepper);
        hmac.AppendData(sha256);
        hmac.GetHashAndReset(mac);
        return BinaryPrimitives.ReadUInt128BigEndian(mac);
    }

    private static IncrementalHash KeyedWith(ReadOnlySpan<byte> pepper)
    {
        if (_latest is { } latest && ConstantTime.Equals(latest.Pepper, pepper))
        {
            return latest.Hash;
        }

        if (_former is { } former && ConstantTime.Equals(former.Pepper, pepper))
        {
            (_latest, _former) = (former, _latest);
            return former.Hash;
        }

        _former?.Hash.Dispose();
        _former = _latest;
        _latest = new Keyed(pepper.ToArray(), IncrementalHash.CreateHMAC(HashAlgorithmName.SHA256, pepper));
        return _latest.Hash;
    }

    private sealed record Keyed(byte[] Pepper, IncrementalHash Hash);
}
