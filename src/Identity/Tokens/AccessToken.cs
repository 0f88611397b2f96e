using System.Buffers;
using System.Text.Json;
using Crew.Kernel;

namespace Crew.Identity.Tokens;

/// <summary>
/// The claims of an access token (RFC 9068): who, for whom, by which key, until when, and what the family gave at that moment. Only
/// <c>sid</c> and <c>exp</c> decide anything here: rights are those of the family at the moment of use.
/// </summary>
internal sealed record AccessToken(string FamilyId, DateTimeOffset ExpiresAt)
{
    public const string Type = "at+jwt";

    private const int MostClaimBytes = 6 * 1024;

    /// <summary>Whole seconds, as JSON numbers: 2000 to 9999.</summary>
    private const long EarliestSecond = 946_684_800;

    private const long LatestSecond = 253_402_300_799;

    /// <summary>Writes the claims of a token.</summary>
    public static byte[] Write(string issuer, LiveFamily family, Caller caller, DateTimeOffset now, DateTimeOffset expiresAt)
    {
        var claims = new ArrayBufferWriter<byte>(768);
        using var json = new Utf8JsonWriter(claims);
        json.WriteStartObject();
        json.WriteString("iss", issuer);
        json.WriteString("aud", issuer);
        json.WriteString("sub", family.Subject);
        json.WriteString("client_id", family.KeyId);
        json.WriteNumber("iat", now.ToUnixTimeSeconds());
        json.WriteNumber("exp", expiresAt.ToUnixTimeSeconds());
        json.WriteString("jti", Id.New("jti_", now));
        json.WriteString("scope", caller.Permissions.ToString());
        json.WriteString("org", family.Tenant.OrganizationId);
        json.WriteString("ws", family.Tenant.WorkspaceId);
        if (caller.CrewId is { } crew)
        {
            json.WriteString("crew", crew);
        }

        json.WriteString("mode", caller.IsTest ? "test" : "live");
        json.WriteString("sid", family.Id);
        json.WriteString("key_id", family.KeyId);
        json.WriteEndObject();
        json.Flush();
        return claims.WrittenSpan.ToArray();
    }

    /// <summary>Reads the claims of a verified signature; null when they are not those of a token for this server.</summary>
    public static AccessToken? Read(UnverifiedJws jws, string issuer)
    {
        if (jws.Type != Type || jws.Payload.Length > MostClaimBytes || !CompactJws.TryParse(jws.Payload, out var parsed))
        {
            return null;
        }

        using (parsed)
        {
            var claims = parsed.RootElement;
            return Text(claims, "iss") == issuer && Text(claims, "aud") == issuer && Text(claims, "sid") is { } family && Id.IsValid(family, IdPrefix.TokenFamily)
                && Text(claims, "sub") is not null && Second(claims, "iat") is not null && Second(claims, "exp") is { } end
                    ? new AccessToken(family, DateTimeOffset.FromUnixTimeSeconds(end))
                    : null;
        }
    }

    private static string? Text(JsonElement claims, string name) =>
        claims.TryGetProperty(name, out var claim) && claim.ValueKind == JsonValueKind.String ? claim.GetString() : null;

    private static long? Second(JsonElement claims, string name) =>
        claims.TryGetProperty(name, out var claim) && claim.ValueKind == JsonValueKind.Number && claim.TryGetInt64(out var second)
            && second is >= EarliestSecond and <= LatestSecond ? second : null;
}
