using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Crew.Kernel;
using Crew.Webhooks.Endpoints;

namespace Crew.Webhooks.Delivery;

/// <summary>The two signatures of a delivery: the documented one over the raw body, and Standard Webhooks 1.0 over id, time and body.</summary>
internal static class Signature
{
    /// <summary><c>X-Crew-Signature</c>: HMAC-SHA-256 of the raw body, keyed by the secret's text.</summary>
    public static string Documented(SecretText secret, ReadOnlySpan<byte> body) =>
        "sha256=" + Convert.ToHexStringLower(HMACSHA256.HashData(WebhookSecret.TextKey(secret), body));

    /// <summary><c>webhook-signature</c>: one signature for each secret, the current one first.</summary>
    public static string Standard(IEnumerable<SecretText> secrets, string id, DateTimeOffset at, ReadOnlyMemory<byte> body)
    {
        var head = Encoding.UTF8.GetBytes($"{id}.{TimeText(at)}.");
        var signed = new byte[head.Length + body.Length];
        head.CopyTo(signed, 0);
        body.Span.CopyTo(signed.AsSpan(head.Length));
        return string.Join(' ', secrets.Select(secret => "v1," + Convert.ToBase64String(HMACSHA256.HashData(WebhookSecret.StandardKey(secret), signed))));
    }

    public static string TimeText(DateTimeOffset at) => at.ToUnixTimeSeconds().ToString(CultureInfo.InvariantCulture);
}
