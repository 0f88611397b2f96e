using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace Samples;

/// <summary>Verifies a webhook of Crew (Standard Webhooks 1.0). Give it the raw body, not what a framework made of it.</summary>
public static class WebhookVerifier
{
    private const int ToleranceSeconds = 300;

    /// <summary>Whether the delivery is Crew's and fresh. Remember <c>webhook-id</c>: a delivery may come twice, under the same id.</summary>
    public static bool Verify(string secret, IReadOnlyDictionary<string, string> headers, ReadOnlySpan<byte> body, DateTimeOffset now)
    {
        string Header(string name) => headers.FirstOrDefault(h => h.Key.Equals(name, StringComparison.OrdinalIgnoreCase)).Value ?? "";
        var sentAt = Header("webhook-timestamp");
        if (!long.TryParse(sentAt, NumberStyles.None, CultureInfo.InvariantCulture, out var seconds)
            || Math.Abs((decimal)now.ToUnixTimeSeconds() - seconds) > ToleranceSeconds)
        {
            return false;
        }

        var key = secret.StartsWith("whsec_", StringComparison.Ordinal) ? Convert.FromBase64String(secret["whsec_".Length..]) : Encoding.UTF8.GetBytes(secret);
        byte[] signed = [.. Encoding.UTF8.GetBytes($"{Header("webhook-id")}.{sentAt}."), .. body];
        var expected = Encoding.ASCII.GetBytes("v1," + Convert.ToBase64String(HMACSHA256.HashData(key, signed)));

        // During a rotation there are several; every one is compared, in constant time.
        var isOurs = false;
        foreach (var given in Header("webhook-signature").Split(' '))
        {
            isOurs |= CryptographicOperations.FixedTimeEquals(expected, Encoding.ASCII.GetBytes(given));
        }

        return isOurs;
    }
}
