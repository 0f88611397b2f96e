using System.Text.Json;
using Crew.Kernel;

namespace Crew.Webhooks.Endpoints;

/// <summary>
/// Headers that a customer adds to deliveries, such as the token of their own gateway. None may change how the request travels, pass for
/// one of ours, or name another host.
/// </summary>
internal static class CustomHeaders
{
    public const int MostHeaders = 20;
    private const int MostNameCharacters = 100;
    private const int MostValueCharacters = 4_096;

    /// <summary>RFC 9110 section 7.6.1, and what the client itself decides.</summary>
    private static readonly HashSet<string> Reserved = new(StringComparer.OrdinalIgnoreCase)
    {
        "connection", "keep-alive", "proxy-connection", "proxy-authenticate", "proxy-authorization", "te", "trailer", "transfer-encoding", "upgrade",
        "host", "content-length", "content-type", "content-encoding", "expect", "accept-encoding", "user-agent", "cookie", "set-cookie", "forwarded", "via", "alt-svc",
        "http2-settings", "early-data", "traceparent", "tracestate", "date",
    };

    private static readonly string[] ReservedPrefixes = ["webhook-", "x-crew-", "x-forwarded-", "x-real-ip", "sec-", "access-control-", ":"];

    public static Fault? Check(IReadOnlyDictionary<string, SecretText>? headers)
    {
        if (headers is null)
        {
            return null;
        }

        if (headers.Count > MostHeaders)
        {
            return Faults.Invalid("headers", $"At most {MostHeaders} headers.");
        }

        if (headers.Keys.Distinct(StringComparer.OrdinalIgnoreCase).Count() != headers.Count)
        {
            return Faults.Invalid("headers", "A header is named twice; upper and lower case make no difference.");
        }

        foreach (var (name, value) in headers)
        {
            if (name.Length is 0 or > MostNameCharacters || !name.All(IsNameCharacter))
            {
                return Faults.Invalid("headers", $"Names of headers are 1 to {MostNameCharacters} letters, digits and any of !#$%&'*+-.^_`|~.");
            }

            if (Reserved.Contains(name) || ReservedPrefixes.Any(p => name.StartsWith(p, StringComparison.OrdinalIgnoreCase)))
            {
                return Faults.Invalid("headers", $"The header {name} is set by this server or by the connection itself. Take another name.");
            }

            if (value is null || value.Reveal() is not { Length: > 0 and <= MostValueCharacters } text || text.Any(c => c is < ' ' or > '~') || text.Trim() != text)
            {
                return Faults.Invalid("headers", $"The value of {name} must be 1 to {MostValueCharacters} printable ASCII characters without spaces at its ends.");
            }
        }

        return null;
    }

    public static string ToJson(IReadOnlyDictionary<string, SecretText> headers) =>
        JsonSerializer.Serialize(headers.ToDictionary(h => h.Key, h => h.Value.Reveal()));

    public static IReadOnlyDictionary<string, string> Read(string json) => JsonSerializer.Deserialize<Dictionary<string, string>>(json)!;

    private static bool IsNameCharacter(char c) => char.IsAsciiLetterOrDigit(c) || "!#$%&'*+-.^_`|~".Contains(c, StringComparison.Ordinal);
}
