namespace Crew.Api.Tests;

public sealed class SqliteRefusalTests(SqliteStage stage) : RefusalTests(stage);

public sealed class PostgresRefusalTests(PostgresStage stage) : RefusalTests(stage);

/// <summary>What every endpoint refuses, walked through the API document so that a new endpoint is held to it at once.</summary>
public abstract class RefusalTests(ApiStage stage) : ApiTests(stage)
{
    private const string WellFormedId = "key_01k9x2f7m3q8t0v5w6y4z1a2bc";

    /// <summary>A permission that no endpoint asks for yet.</summary>
    private const string Unrelated = "appointments:read";

    private IEnumerable<ApiOperation> Closed => Stage.Reference.Operations.Where(o => !o.IsAnonymous);

    [Fact]
    public Task Without_a_key_every_endpoint_answers_401() => EveryAsync(null, 401, "invalid_api_key");

    [Theory]
    [InlineData("nonsense")]
    [InlineData("crew_sk_live_short")]
    [InlineData("crew_sk_live_0000000000000000000000000000000000000000000000000")]
    public Task With_a_malformed_key_every_endpoint_answers_401(string key) => EveryAsync(key, 401, "invalid_api_key");

    [Fact]
    public Task With_a_well_formed_but_unknown_key_every_endpoint_answers_401() => EveryAsync(ForeignKeys.WellFormed(), 401, "invalid_api_key");

    [Fact]
    public async Task With_a_revoked_key_every_endpoint_answers_401_and_says_so()
    {
        var key = await Stage.KeyAsync();
        (await Stage.Master.DeleteAsync($"/v1/api-keys/{key.Id}")).ShouldBe(200);
        await EveryAsync(key.Text, 401, "expired_api_key", "reason", "revoked");
    }

    [Fact]
    public async Task With_an_expired_key_every_endpoint_answers_401_and_says_so()
    {
        var key = await Stage.KeyAsync(new { expires_at = DateTimeOffset.UtcNow.AddSeconds(1).ToString("yyyy-MM-dd'T'HH:mm:ss.fff'Z'") });
        await Task.Delay(1_200, Cancel);
        await EveryAsync(key.Text, 401, "expired_api_key", "reason", "expired");
    }

    [Fact]
    public async Task With_a_key_that_lacks_the_permission_every_endpoint_answers_403_and_names_it()
    {
        var key = await Stage.KeyAsync(new { permissions = new[] { Unrelated } });
        var offenders = new List<string>();
        foreach (var operation in Closed.Where(o => o.Permissions is not ["authenticated"]))
        {
            var answer = await SendAsync(key.Caller, operation);
            var required = answer.Code == "insufficient_permissions" ? answer.Error.GetProperty("details").GetProperty("required").GetString() : "";
            if (!answer.Is(403, "insufficient_permissions") || required != operation.Permissions[0])
            {
                offenders.Add($"{answer} {required}");
            }
        }

        ShouldBeNone(offenders);
    }

    [Fact]
    public async Task A_key_in_the_query_string_is_refused_and_called_leaked()
    {
        foreach (var name in new[] { "key", "api_key", "access_token" })
        {
            var answer = await Stage.Caller(null).GetAsync($"/v1/me?{name}={Uri.EscapeDataString(Stage.WorkspaceMaster)}");
            answer.ShouldBe(401, "key_in_url").Body.ShouldNotContain(Stage.WorkspaceMaster);
        }
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_key_in_the_query_string_is_told_to_its_workspace_and_revoked_where_that_says_so(bool revokes)
    {
        var inside = ("X-Crew-Workspace", (await Stage.Account.PostAsync("/v1/workspaces", new { name = "leaky" })).ShouldBe(201).Text("id"));
        var settings = new { settings = new { revoke_keys_seen_in_urls = revokes } };
        (await Stage.Account.PatchAsync($"/v1/workspaces/{inside.Item2}", settings, inside)).ShouldBe(200);
        var draft = new { name = "leaked", mode = "live", permissions = new[] { "*:read" } };
        var key = (await Stage.Account.PostAsync("/v1/api-keys", draft, inside)).ShouldBe(201);
        var unknown = await Stage.Caller(null).GetAsync($"/v1/me?key={ForeignKeys.WellFormed()}");
        var known = await Stage.Caller(null).GetAsync($"/v1/me?key={key.Text("key")}");
        var said = known.ShouldBe(401, "key_in_url").Error.GetProperty("message").GetString();
        unknown.ShouldBe(401, "key_in_url").Error.GetProperty("message").GetString().ShouldBe(said);

        var now = await Stage.Caller(key.Text("key")).GetAsync("/v1/me");
        now.ShouldBe(revokes ? 401 : 200);
        var leaks = await RecordsAsync("api_key.leaked", inside);
        leaks.ShouldContain(key.Text("id"));
        leaks.ShouldContain("key_in_url");
        (await RecordsAsync("api_key.revoked", inside)).Contains("key_in_url").ShouldBe(revokes);
    }

    private async Task<string> RecordsAsync(string type, (string, string) inside) =>
        (await Stage.Account.GetAsync($"/v1/audit-logs?event_type={type}", inside)).ShouldBe(200).Body;

    [Fact]
    public async Task A_key_from_a_web_page_is_refused_on_every_endpoint()
    {
        var offenders = new List<string>();
        foreach (var operation in Closed)
        {
            var body = operation.HasBody ? operation.Example : null;
            var answer = await Stage.Caller(Stage.WorkspaceMaster).SendAsync(operation.Method, operation.At(WellFormedId), body, ("Origin", "https://example.com"));
            if (answer.Status != 403 || answer.Code != "key_in_browser")
            {
                offenders.Add(answer.ToString());
            }
        }

        ShouldBeNone(offenders);
    }

    [Fact]
    public async Task Two_authorization_headers_are_refused_even_with_equal_values()
    {
        var bearer = $"Authorization: Bearer {Stage.WorkspaceMaster}\r\n";
        var answer = await Stage.SendRawAsync($"GET /v1/me HTTP/1.1\r\nHost: crew\r\nConnection: close\r\n{bearer}{bearer}\r\n");
        answer.ShouldStartWith("HTTP/1.1 400");
        answer.ShouldContain("ambiguous_credentials");
        answer.ShouldContain("\"success\":false");
        answer.ShouldNotContain(Stage.WorkspaceMaster);
    }

    [Fact]
    public async Task Two_different_credentials_are_refused()
    {
        (await Stage.Master.GetAsync("/v1/me", ("x-api-key", Stage.Home.ApiKeys.Test))).ShouldBe(400, "ambiguous_credentials");
        (await Stage.Master.GetAsync("/v1/me", ("x-api-key", Stage.WorkspaceMaster))).ShouldBe(200);
    }

    [Fact]
    public async Task An_unknown_path_is_404_in_the_dialect_of_the_path()
    {
        var envelope = (await Stage.Master.GetAsync("/v1/nothing/here")).ShouldBe(404, "not_found");
        envelope.Json.GetProperty("success").GetBoolean().ShouldBeFalse();
        envelope.Json.GetProperty("request_id").GetString().ShouldBe(envelope.Header("X-Request-Id"));
        foreach (var path in new[] { "/v1/chat/nothing", "/v1/embeddings/nothing", "/v1/files/x/y" })
        {
            var openAi = (await Stage.Master.GetAsync(path)).ShouldBe(404, "not_found");
            openAi.Error.EnumerateObject().Select(f => f.Name).Take(4).ShouldBe(["message", "type", "param", "code"]);
            openAi.Json.TryGetProperty("success", out _).ShouldBeFalse();
        }

        var anthropic = (await Stage.Master.GetAsync("/v1/messages/nothing")).ShouldBe(404, "not_found");
        anthropic.Json.GetProperty("type").GetString().ShouldBe("error");
        anthropic.Error.GetProperty("type").GetString().ShouldBe("not_found_error");
    }

    [Fact]
    public async Task A_path_in_another_case_is_another_path_on_every_route()
    {
        var offenders = new List<string>();
        foreach (var operation in Stage.Reference.Operations)
        {
            var caller = Stage.Caller(Stage.Home.ApiKeys.Live);
            var last = operation.Path.Split('/').Last(part => !part.StartsWith('{'));
            foreach (var path in new[] { operation.Path.Replace("/v1/", "/V1/"), operation.Path.Replace($"/{last}", $"/{char.ToUpperInvariant(last[0])}{last[1..]}") })
            {
                var answer = await caller.SendAsync(operation.Method, new ApiOperation(operation.Method, path, operation.Node).At(WellFormedId));
                if (!answer.Is(404, "not_found"))
                {
                    offenders.Add(answer.ToString());
                }
            }
        }

        ShouldBeNone(offenders);
        var model = await Stage.Master.GetAsync("/v1/models/Llama-3");
        model.ShouldBe(404, "model_not_found");
    }

    [Fact]
    public async Task A_method_that_a_path_does_not_have_is_405_and_names_those_it_has()
    {
        var offenders = new List<string>();
        foreach (var path in Stage.Reference.Operations.GroupBy(o => o.Path))
        {
            var caller = Stage.Caller(Stage.WorkspaceMaster);
            foreach (var method in new[] { "GET", "POST", "PUT", "PATCH", "DELETE" }.Except(path.Select(o => o.Method)))
            {
                var answer = await caller.SendAsync(method, path.First().At(WellFormedId));
                var allowed = answer.Header("Allow")?.Split(", ") ?? [];
                if (Stage.Reference.Operations.Any(o => o.Method == method && o.Path == path.Key + "/{id}") && answer.Status == 404)
                {
                    continue; // The same route without its id.
                }

                if (Stage.Reference.Find(new ApiCall(method, path.First().At(WellFormedId), true)) is not null && answer.Status == 404)
                {
                    continue; // Another route takes the last part for an id.
                }

                if (answer.Status != 405 || answer.Code != "method_not_allowed" || path.Any(o => !allowed.Contains(o.Method)))
                {
                    offenders.Add($"{answer} Allow: {answer.Header("Allow")}");
                }
            }
        }

        ShouldBeNone(offenders);
    }

    [Fact]
    public async Task HEAD_is_refused_without_a_body()
    {
        var answer = (await Stage.Master.SendAsync("HEAD", "/v1/me")).ShouldBe(405);
        answer.Body.ShouldBeEmpty();
        answer.Header("X-Request-Id").ShouldNotBeNull();
    }

    [Fact]
    public async Task An_unknown_version_is_refused_and_the_known_one_is_echoed()
    {
        (await Stage.Master.GetAsync("/v1/me", ("X-Crew-Version", "2020-01-01"))).ShouldBe(400, "unknown_version");
        (await Stage.Master.GetAsync("/v1/me")).ShouldBe(200).Header("X-Crew-Version").ShouldBe("2026-11-01");
        (await Stage.Master.GetAsync("/v1/me", ("X-Crew-Version", "2026-11-01"))).ShouldBe(200).Header("X-Crew-Version").ShouldBe("2026-11-01");
    }

    [Fact]
    public async Task A_request_id_is_always_ours()
    {
        var answer = await Stage.Master.GetAsync("/v1/me", ("X-Request-Id", "req_mine"));
        answer.Header("X-Request-Id").ShouldNotBeNull().ShouldMatch("^req_[0-9a-hjkmnp-tv-z]{26}$");
    }

    private static void ShouldBeNone(IEnumerable<string> offenders) => string.Join('\n', offenders).ShouldBeEmpty();

    private static Task<ApiAnswer> SendAsync(ApiCaller caller, ApiOperation operation) =>
        caller.SendAsync(operation.Method, operation.At(WellFormedId), operation.HasBody ? operation.Example : null);

    /// <summary>Walks all closed endpoints; status, code, dialect and the headers of every answer must be right.</summary>
    private async Task EveryAsync(string? key, int status, string code, string? detail = null, string? expected = null)
    {
        var caller = Stage.Caller(key);
        var offenders = new List<string>();
        foreach (var operation in Closed)
        {
            var answer = await SendAsync(caller, operation);
            if (!answer.Is(status, code) || Complaint(operation, answer) is { Length: > 0 }
                || (detail is not null && answer.Error.GetProperty("details").GetProperty(detail).GetString() != expected))
            {
                offenders.Add($"{answer} {Complaint(operation, answer)}");
            }
        }

        ShouldBeNone(offenders);
    }

    private static string Complaint(ApiOperation operation, ApiAnswer answer)
    {
        var missing = new[] { "X-Request-Id", "X-Crew-Version", "X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset", "X-RateLimit-Window" }
            .Where(h => answer.Header(h) is null);
        var dialect = answer.Json.TryGetProperty("success", out _) == operation.IsGateway ? "wrong dialect" : "";
        var challenge = answer.Status == 401 && answer.Header("WWW-Authenticate") is null ? "no challenge" : "";
        return string.Join(' ', missing.Append(dialect).Append(challenge).Where(c => c.Length > 0));
    }
}

/// <summary>Texts that look like keys and are none.</summary>
public static class ForeignKeys
{
    private const string Alphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

    /// <summary>A text with a right checksum that this installation never made.</summary>
    public static string WellFormed(string prefix = "crew_sk_live_")
    {
        var body = prefix + string.Concat(Enumerable.Range(0, 43).Select(_ => Alphabet[Random.Shared.Next(Alphabet.Length)]));
        var checksum = uint.MaxValue;
        foreach (var c in body)
        {
            checksum ^= c;
            for (var bit = 0; bit < 8; bit++)
            {
                checksum = (checksum & 1) == 1 ? (checksum >> 1) ^ 0xEDB88320 : checksum >> 1;
            }
        }

        checksum = ~checksum;
        var digits = new char[6];
        for (var at = 5; at >= 0; at--)
        {
            digits[at] = Alphabet[(int)(checksum % 62)];
            checksum /= 62;
        }

        return body + new string(digits);
    }
}
