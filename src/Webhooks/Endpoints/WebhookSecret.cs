using System.Security.Cryptography;
using System.Text;
using Crew.Kernel;

namespace Crew.Webhooks.Endpoints;

/// <summary>
/// A secret that signs deliveries: <c>whsec_</c> and the base64 of 24 to 64 bytes (Standard Webhooks 1.0), or a text of the customer's own. The
/// documented signature is keyed by the text as it stands, the Standard one by the decoded bytes (of a customer's own text, by its UTF-8 bytes).
/// </summary>
internal static class WebhookSecret
{
    public const string Prefix = "whsec_";
    public const int NewBytes = 32;
    private const int LeastBytes = 24;
    private const int MostBytes = 64;
    private const int LeastCharacters = 8;
    private const int MostCharacters = 256;

    public static SecretText New() => new(Prefix + Convert.ToBase64String(RandomNumberGenerator.GetBytes(NewBytes)));

    /// <summary>A given secret, or a new one where none was given.</summary>
    public static Outcome<SecretText> Take(SecretText? given)
    {
        if (given is null)
        {
            return New();
        }

        var text = given.Reveal();
        if (text.StartsWith(Prefix, StringComparison.Ordinal))
        {
            return Decode(text) is { Length: >= LeastBytes and <= MostBytes }
                ? given
                : Faults.Invalid("secret", $"A secret that begins with {Prefix} goes on with the base64 of {LeastBytes} to {MostBytes} bytes. Leave secret out to get one made.");
        }

        return text.Length is < LeastCharacters or > MostCharacters || text.Any(c => char.IsControl(c) || char.IsSurrogate(c))
            ? Faults.Invalid("secret", $"secret must be {LeastCharacters} to {MostCharacters} characters without control characters. Leave it out to get one made.")
            : given;
    }

    /// <summary>The key of the documented signature.</summary>
    public static byte[] TextKey(SecretText secret) => Encoding.UTF8.GetBytes(secret.Reveal());

    /// <summary>The key of the Standard Webhooks signature.</summary>
    public static byte[] StandardKey(SecretText secret)
    {
        var text = secret.Reveal();
        return text.StartsWith(Prefix, StringComparison.Ordinal) && Decode(text) is { } bytes ? bytes : Encoding.UTF8.GetBytes(text);
    }

    private static byte[]? Decode(string text)
    {
        var bytes = new byte[MostBytes + 3];
        return Convert.TryFromBase64String(text[Prefix.Length..], bytes, out var length) ? bytes[..length] : null;
    }
}
