using System.Text.Json;
using System.Text.RegularExpressions;
using Crew.Testing;

namespace Crew.Api.Tests;

/// <summary>The document, the pages and the routes say the same.</summary>
public sealed partial class DocumentTests(SqliteStage stage) : ApiTests(stage)
{
    private static bool Update => Environment.GetEnvironmentVariable("CREW_UPDATE_DOCS") == "1";

    [Fact]
    public void Every_endpoint_has_a_name_a_tag_and_a_summary() => Offenders(o =>
        Missing(o, "operationId") || Missing(o, "summary") || o.Node.GetProperty("tags").GetArrayLength() != 1);

    [Fact]
    public void Every_name_is_given_once() =>
        Stage.Reference.Operations.Select(o => o.Node.GetProperty("operationId").GetString()).ShouldBeUnique();

    [Fact]
    public void Every_endpoint_declares_its_permission_and_where_its_crew_comes_from() => Offenders(o =>
        o.Permissions.Any(string.IsNullOrEmpty) || o.Node.GetProperty("x-crew-crew-source").GetString() is not ("none" or "path" or "body" or "header"));

    [Fact]
    public void Every_change_is_audited() => Offenders(o =>
        o.Method != "GET" && !o.IsGateway && o.Node.GetProperty("x-crew-audit-events").GetArrayLength() == 0);

    [Fact]
    public void Every_reference_in_the_document_leads_somewhere()
    {
        foreach (Match reference in Reference().Matches(System.Text.Encoding.UTF8.GetString(Stage.Reference.Bytes)))
        {
            var node = Stage.Reference.Root;
            reference.Groups[1].Value.Split('/').All(name => node.TryGetProperty(name, out node)).ShouldBeTrue(reference.Value);
        }
    }

    [Fact]
    public void Every_endpoint_describes_its_success_and_its_refusals() => Offenders(o =>
    {
        var statuses = o.Node.GetProperty("responses").EnumerateObject().Select(r => r.Name).ToList();
        return !statuses.Any(s => s.StartsWith('2')) || !statuses.Contains("429") || (!o.IsAnonymous && !statuses.Contains("401"));
    });

    [Fact]
    public async Task The_committed_document_is_the_one_that_is_served() =>
        await ShouldEqualAsync("docs/api/openapi.json", System.Text.Encoding.UTF8.GetString(Stage.Reference.Bytes));

    [Fact]
    public async Task The_committed_page_of_permissions_is_made_from_the_code() =>
        await ShouldEqualAsync("docs/security/permissions.md", (await Stage.Caller(null).GetAsync("/docs/permissions.md")).ShouldBe(200).Body);

    [Fact]
    public async Task Answers_look_as_the_document_says()
    {
        var key = await Stage.KeyAsync(new { permissions = new[] { "models:invoke" }, expires_at = "2099-01-01T00:00:00Z" });
        ShouldLookAsDescribed("/v1/api-keys", "post", "201", key.Made);
        ShouldLookAsDescribed("/v1/api-keys/{id}", "get", "200", await Stage.Master.GetAsync($"/v1/api-keys/{key.Id}"));
        ShouldLookAsDescribed("/v1/api-keys", "get", "200", await Stage.Master.GetAsync("/v1/api-keys"));
        ShouldLookAsDescribed("/v1/me", "get", "200", await Stage.Master.GetAsync("/v1/me"));
        ShouldLookAsDescribed("/v1/crews", "get", "200", await Stage.Master.GetAsync("/v1/crews"));
        ShouldLookAsDescribed("/v1/members", "get", "200", await Stage.Master.GetAsync("/v1/members"));
        ShouldLookAsDescribed("/v1/workspaces/{id}", "get", "200", await Stage.Master.GetAsync($"/v1/workspaces/{Stage.Home.WorkspaceId}"));
        ShouldLookAsDescribed("/v1/audit-logs", "get", "200", await Stage.Master.GetAsync("/v1/audit-logs"));
        var refusal = await Stage.Master.GetAsync("/v1/api-keys/nothing");
        var error = Stage.Reference.Root.GetProperty("components").GetProperty("schemas").GetProperty("Error");
        Stage.Reference.Differences(error, refusal.Json, "error").ShouldBeEmpty();
    }

    [Fact]
    public async Task Every_page_is_served_under_a_strict_policy_and_asks_for_nothing_from_elsewhere()
    {
        foreach (var path in new[] { "/", "/sign-in", "/docs", "/docs/errors", "/docs/permissions", "/docs/errors/not_found" })
        {
            var page = (await Stage.Caller(null).GetAsync(path)).ShouldBe(200);
            var policy = page.Header("Content-Security-Policy").ShouldNotBeNull(path);
            policy.ShouldContain("default-src 'none'");
            policy.ShouldNotContain("unsafe");
            page.Header("X-Content-Type-Options").ShouldBe("nosniff");
            InlineScript().IsMatch(page.Body).ShouldBeFalse(path);
            page.Body.ShouldNotContain(" style=", Case.Insensitive);
            Loaded().Matches(page.Body).Select(m => m.Groups[1].Value).ShouldAllBe(target => target.StartsWith('/') && !target.StartsWith("//"), path);
        }
    }

    [Fact]
    public async Task Every_error_code_of_the_document_has_its_page()
    {
        var codes = Stage.Reference.Operations.SelectMany(o => o.Node.GetProperty("x-crew-error-codes").EnumerateArray());
        foreach (var code in codes.Select(c => c.GetString()).Distinct())
        {
            (await Stage.Caller(null).GetAsync($"/docs/errors/{code}")).ShouldBe(200).Body.ShouldContain($"<h1>{code}</h1>");
        }
    }

    [Fact]
    public async Task A_page_that_does_not_exist_is_404_and_echoes_nothing()
    {
        var page = (await Stage.Caller(null).GetAsync("/docs/errors/%3Cimg%20src=x%3E")).ShouldBe(404);
        page.Body.ShouldNotContain("img");
    }

    [Fact]
    public async Task The_reference_shows_every_endpoint()
    {
        var page = (await Stage.Caller(null).GetAsync("/docs")).Body;
        Offenders(o =>
        {
            var anchor = o.Node.GetProperty("operationId").GetString()!.ToLowerInvariant().Replace('.', '-');
            return !page.Contains($"id=\"{anchor}\"", StringComparison.Ordinal);
        });
    }

    private void ShouldLookAsDescribed(string path, string method, string status, ApiAnswer answer)
    {
        answer.ShouldBe(int.Parse(status));
        var schema = Stage.Reference.Root.GetProperty("paths").GetProperty(path).GetProperty(method).GetProperty("responses").GetProperty(status)
            .GetProperty("content").GetProperty("application/json").GetProperty("schema");
        string.Join('\n', Stage.Reference.Differences(schema, answer.Json, $"{method} {path}")).ShouldBeEmpty();
    }

    private void Offenders(Func<ApiOperation, bool> isOffender) => string.Join('\n', Stage.Reference.Operations.Where(isOffender)).ShouldBeEmpty();

    private static bool Missing(ApiOperation operation, string field) =>
        !operation.Node.TryGetProperty(field, out var value) || value.ValueKind != JsonValueKind.String || value.GetString()!.Length == 0;

    /// <summary>Compares a committed file with what the server makes; CREW_UPDATE_DOCS=1 writes it instead.</summary>
    private static async Task ShouldEqualAsync(string file, string made)
    {
        var path = Path.Combine(CrewExecutable.RepositoryRoot, file);
        if (Update)
        {
            Directory.CreateDirectory(Path.GetDirectoryName(path)!);
            await File.WriteAllTextAsync(path, made, Cancel);
        }

        var committed = File.Exists(path) ? await File.ReadAllTextAsync(path, Cancel) : "";
        var line = committed.Split('\n').Zip(made.Split('\n')).TakeWhile(pair => pair.First == pair.Second).Count() + 1;
        Assert.True(committed == made,
            $"{file} differs from what the code makes, first in line {line}. Run CREW_UPDATE_DOCS=1 ./test.sh Api and commit the file.");
    }

    /// <summary>The console's page loads its script by its address.</summary>
    [GeneratedRegex("<script(?![^>]* src=)", RegexOptions.IgnoreCase)]
    private static partial Regex InlineScript();

    [GeneratedRegex("\"\\$ref\": \"#/([^\"]+)\"")]
    private static partial Regex Reference();

    [GeneratedRegex("(?:src|href)=\"(?!#)([^\"]*)\"")]
    private static partial Regex Loaded();
}
