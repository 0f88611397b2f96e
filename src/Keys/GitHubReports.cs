using System.Text.Json;
using Crew.Http;
using Crew.Kernel;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace Crew.Keys;

/// <summary>
/// The form of GitHub's secret-scanning partner programme: a JSON array of <c>{token, type, url, source}</c>, signed with ECDSA P-256 over
/// its bytes, the key named in a header.
/// </summary>
internal static class GitHubReports
{
    public const int MostMatches = 1_000;
    public const int MostBytes = 1024 * 1024;

    /// <summary>For the document; what else GitHub says of a match is passed over.</summary>
    internal sealed record Match(string Token, string? Type, string? Url, string? Source);

    private static readonly JsonDocumentOptions _strict = new() { MaxDepth = 8, AllowDuplicateProperties = false };

    public static void Map(RouteGroupBuilder keys) =>
        keys.MapPost("/leaks/github", Handle)
            .WithName("Keys.ReportLeaksByGitHub")
            .WithSummary("Report keys in the signed form of GitHub's secret scanning. Real ones are revoked; the answer is the same whether there were any.")
            .WithMetadata(new NotIdempotentRoute(), new AcceptedRoute(), new BodyLimit(MostBytes), new BodyShape(typeof(IReadOnlyList<Match>)))
            .AllowsAnonymous()
            .Audited("api_key.leaked", "api_key.revoked")
            .Refuses("invalid_signature", "signature_keys_unavailable", "not_found", "outcome_unknown")
            .PassesOn("GitHub's array of matches.", "");

    private static async Task<Reply<ReportLeaks.Answer>> Handle(HttpContext http, Call call, GitHubKeys signers, LeakedKeys leaked, CancellationToken cancel)
    {
        if (!signers.IsConfigured)
        {
            return Faults.NotFound;
        }

        var headers = http.Request.Headers;
        var (keyId, signature) = (headers["Github-Public-Key-Identifier"].ToString(), headers["Github-Public-Key-Signature"].ToString());
        using var buffer = new MemoryStream();
        await http.Request.Body.CopyToAsync(buffer, cancel);
        var body = buffer.ToArray();
        if (await signers.VerifyAsync(keyId, signature, body, cancel) is { } unsigned)
        {
            return unsigned;
        }

        var tokens = Tokens(body);
        if (tokens.Failed(out var malformed))
        {
            return malformed;
        }

        return await leaked.RevokeAsync(tokens.Value, call.Origin, "reported_by_github") is { } fault
            ? fault
            : Reply<ReportLeaks.Answer>.Accepted(new ReportLeaks.Answer(tokens.Value.Count));
    }

    private static Outcome<IReadOnlyList<string>> Tokens(byte[] body)
    {
        try
        {
            using var report = JsonDocument.Parse(body, _strict);
            if (report.RootElement is not { ValueKind: JsonValueKind.Array } matches || matches.GetArrayLength() is 0 or > MostMatches)
            {
                return HttpFaults.InvalidJson($"A report is an array of 1 to {MostMatches} matches.");
            }

            var tokens = new List<string>();
            foreach (var match in matches.EnumerateArray())
            {
                if (match.ValueKind != JsonValueKind.Object || !match.TryGetProperty("token", out var token) || token.ValueKind != JsonValueKind.String)
                {
                    return HttpFaults.InvalidJson("Each match is an object with the text 'token'.");
                }

                tokens.Add(token.GetString()!);
            }

            return tokens;
        }
        catch (Exception error) when (error is JsonException or InvalidOperationException)
        {
            return HttpFaults.InvalidJson("The report is not well-formed JSON in UTF-8.");
        }
    }
}
