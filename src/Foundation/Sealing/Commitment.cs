using System.Buffers;
using System.Security.Cryptography;
using System.Text.Json;
using Crew.Kernel;

namespace Crew.Sealing;

/// <summary>
/// A salted commitment to a personal field: SHA-256(salt || canonical JSON of the value). The commitment stays in the audit leaf;
/// value and salt are kept apart and can be erased, after which the commitment tells nothing any more.
/// </summary>
/// <remarks>
/// A log has to fix one salt length (ours is what <see cref="NewSalt"/> gives): were it free, the border between salt and value
/// could be moved, and one commitment would open to two values.
/// </remarks>
public static class Commitment
{
    public const int Bytes = SHA256.HashSizeInBytes;
    public const int MinSaltBytes = 16;
    public const int MaxSaltBytes = 32;

    /// <summary>A fresh salt of 32 bytes; every field of every record takes its own.</summary>
    public static byte[] NewSalt() => RandomNumberGenerator.GetBytes(MaxSaltBytes);

    /// <summary>The commitment (32 bytes) to a value; refused when the value has no canonical form.</summary>
    public static Outcome<byte[]> Of(ReadOnlySpan<byte> salt, JsonElement value)
    {
        var canonical = CanonicalJson.Of(value);
        return canonical.Failed(out var fault) ? fault : Hash(salt, canonical.Value);
    }

    /// <summary>The commitment to a text, or to JSON null. Throws for a lone surrogate.</summary>
    public static byte[] Of(ReadOnlySpan<byte> salt, string? text)
    {
        var target = new ArrayBufferWriter<byte>();
        if (text is null)
        {
            target.Write("null"u8);
        }
        else
        {
            CanonicalJson.AppendString(target, text);
        }

        return Hash(salt, target.WrittenSpan);
    }

    /// <summary>Lower-case hexadecimal, 64 characters.</summary>
    public static string ToHex(ReadOnlySpan<byte> commitment) => Convert.ToHexStringLower(commitment);

    /// <summary>Base64url without padding, 43 characters (RFC 4648 section 5).</summary>
    public static string ToBase64Url(ReadOnlySpan<byte> commitment) => System.Buffers.Text.Base64Url.EncodeToString(commitment);

    /// <summary>Whether salt and value belong to the commitment.</summary>
    public static bool Verify(ReadOnlySpan<byte> commitment, ReadOnlySpan<byte> salt, JsonElement value)
    {
        var expected = Of(salt, value);
        return !expected.Failed(out _) && ConstantTime.Equals(expected.Value, commitment);
    }

    private static byte[] Hash(ReadOnlySpan<byte> salt, ReadOnlySpan<byte> canonical)
    {
        if (salt.Length is < MinSaltBytes or > MaxSaltBytes)
        {
            throw new ArgumentException("A salt has 16 to 32 bytes.", nameof(salt));
        }

        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        hash.AppendData(salt);
        hash.AppendData(canonical);
        return hash.GetHashAndReset();
    }
}
