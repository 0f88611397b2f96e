using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;
using Crew.Kernel;
using Crew.Sealing;

namespace Crew.Identity.Accounts;

/// <summary>
/// Texts that people's browsers carry (session cookies, one-time links): 256 random bits and a tag over them and their kind, so that garbage,
/// and a text of another kind, is refused without a look-up. Only the SHA-256 is kept.
/// </summary>
internal sealed class BearerMint(Lazy<StoredKeys> keys)
{
    private const string Purpose = "bearer";
    private const int RandomBytes = 32;
    private const int TagBytes = 8;

    /// <summary>Characters of a text.</summary>
    public static int Length { get; } = Base64Url.GetEncodedLength(RandomBytes + TagBytes);

    /// <summary>Makes a text of a kind, and the hash that is kept of it.</summary>
    public (SecretText Text, string Hash) Make(string kind)
    {
        Span<byte> bytes = stackalloc byte[RandomBytes + TagBytes];
        RandomNumberGenerator.Fill(bytes[..RandomBytes]);
        Tag(kind, bytes[..RandomBytes]).CopyTo(bytes[RandomBytes..]);
        var text = Base64Url.EncodeToString(bytes);
        return (new SecretText(text), Hash(text));
    }

    /// <summary>The hash that is kept of a text, or null when it is none of this kind and this installation.</summary>
    public string? HashOf(string kind, string? text)
    {
        Span<byte> bytes = stackalloc byte[RandomBytes + TagBytes];
        if (text?.Length != Length || !Base64Url.IsValid(text))
        {
            return null;
        }

        Base64Url.DecodeFromChars(text, bytes);

        // The last character carries spare bits: of the texts that decode alike only the one that was made is taken.
        return ConstantTime.Equals(Tag(kind, bytes[..RandomBytes]), bytes[RandomBytes..]) && Base64Url.EncodeToString(bytes) == text ? Hash(text) : null;
    }

    private ReadOnlySpan<byte> Tag(string kind, ReadOnlySpan<byte> random)
    {
        // The first version for good: a rotation of the installation key must not end every session.
        var key = keys.Value.Ring.Version(KeyScope.Installation, WrappedKey.InstallationId, 1)!.Derive(Purpose);
        return HMACSHA256.HashData(key, (byte[])[.. Encoding.UTF8.GetBytes(kind), 0, .. random]).AsSpan(0, TagBytes);
    }

    private static string Hash(string text) => Convert.ToHexStringLower(SHA256.HashData(Encoding.ASCII.GetBytes(text)));
}
