using System.Text;

namespace Crew.Api.Tests;

public sealed class SqliteBadInputTests(SqliteStage stage) : BadInputTests(stage);

public sealed class PostgresBadInputTests(PostgresStage stage) : BadInputTests(stage);

/// <summary>Bad input is a 4xx that says so in the dialect of the path, and never a 500.</summary>
public abstract class BadInputTests(ApiStage stage) : ApiTests(stage)
{
    private static readonly string Deep = string.Concat(Enumerable.Repeat("{\"a\":", 10_000)) + "1" + new string('}', 10_000);

    private static readonly System.Collections.Concurrent.ConcurrentDictionary<(ApiStage Stage, string Kind), Lazy<Task<string>>> Things = new();

    private IEnumerable<ApiOperation> WithBody => Stage.Reference.Operations.Where(o => o.HasBody && !o.IsAnonymous);

    [Fact]
    public Task An_unknown_field_is_refused_by_name() => EveryAsync(WithBody.Where(o => o.HasStrictBody), """{"no_such_field":1}""", 400, "unknown_field");

    [Fact]
    public Task A_field_that_stands_twice_is_refused() =>
        EveryAsync(WithBody.Where(o => o.Example.Contains("\"name\"", StringComparison.Ordinal)), """{"name":"a","name":"b"}""", 400, "repeated_field");

    [Theory]
    [InlineData("{")]
    [InlineData("{\"name\":}")]
    [InlineData("[1,2")]
    [InlineData("\"text\"")]
    [InlineData("17")]
    [InlineData("null")]
    [InlineData("[]")]
    [InlineData("{} {}")]
    [InlineData("{'name':'a'}")]
    [InlineData("\uFEFF{}")]
    public Task Broken_JSON_is_refused(string body) => EveryAsync(WithBody, body, 400, "invalid_json", "unknown_field");

    [Fact]
    public Task JSON_that_is_ten_thousand_levels_deep_is_refused() => EveryAsync(WithBody, Deep, 400, "invalid_json", "unknown_field");

    [Fact]
    public Task U_0000_in_a_text_is_refused() =>
        EveryAsync(WithBody, """{"name":"a\u0000b","model":"a\u0000b","scope":"a\u0000b"}""", 400, "invalid_request", "unknown_field", "invalid_json");

    [Fact]
    public Task Half_a_surrogate_pair_is_refused() =>
        EveryAsync(WithBody, """{"name":"a\ud800b","model":"a\ud800b","scope":"a\ud800b"}""", 400, "invalid_request", "unknown_field", "invalid_json");

    [Fact]
    public Task Bytes_that_are_no_UTF8_are_refused() =>
        EveryAsync(WithBody, [.. "{\"name\":\""u8, 0xC3, 0x28, .. "\"}"u8], 400, "invalid_request", "unknown_field", "invalid_json");

    [Theory]
    [InlineData("""{"settings":{"allowed_ips":["\ud800"]}}""")]
    [InlineData("""{"settings":{"allowed_ips":[null]}}""")]
    [InlineData("""{"settings":{"allowed_models":["\ud800"]}}""")]
    [InlineData("""{"settings":{"allowed_models":[null]}}""")]
    [InlineData("""{"settings":{"allowed_models":[""]}}""")]
    public async Task Settings_with_texts_that_are_none_are_refused(string body) =>
        (await Stage.Account.PatchAsync($"/v1/workspaces/{Stage.SecondWorkspaceId}", body)).ShouldBe(400, "invalid_request");

    [Fact]
    public async Task Settings_take_no_list_without_end()
    {
        var path = $"/v1/workspaces/{Stage.SecondWorkspaceId}";
        (await Stage.Account.PatchAsync(path, new { settings = new { allowed_models = new[] { new string('m', 257) } } })).ShouldBe(400, "invalid_request");
        (await Stage.Account.PatchAsync(path, new { settings = new { allowed_models = Enumerable.Repeat("m", 1_001) } })).ShouldBe(400, "invalid_request");
        (await Stage.Account.PatchAsync(path, new { settings = new { allowed_models = new[] { new string('m', 256) } } })).ShouldBe(200);
        (await Stage.Account.PatchAsync(path, new { settings = new { allowed_models = (string[]?)null } })).ShouldBe(200);
    }

    [Theory]
    [InlineData("?force=maybe")]
    [InlineData("?force=true&force=false")]
    public async Task A_query_parameter_of_the_wrong_type_is_refused_with_a_body(string query) =>
        (await Stage.Account.PatchAsync($"/v1/workspaces/{Stage.SecondWorkspaceId}{query}", new { })).ShouldBe(400, "invalid_request");

    [Theory]
    [InlineData("to=0001-01-01")]
    [InlineData("from=0001-01-01")]
    [InlineData("to=9999-12-31T23:59:59.999Z")]
    public async Task Usage_takes_the_first_and_the_last_day_of_the_calendar(string query) =>
        (await Stage.Account.GetAsync($"/v1/gateway/usage?{query}")).ShouldBe(200);

    [Fact]
    public async Task Another_content_type_is_415()
    {
        var offenders = new List<string>();
        foreach (var operation in WithBody)
        {
            foreach (var type in new[] { "text/plain", "application/x-www-form-urlencoded", "nonsense" })
            {
                var answer = await Stage.Account.SendAsync(operation.Method, await AtAsync(operation), operation.Example, ("Content-Type", type));
                Note(offenders, operation, answer, 415, "unsupported_media_type");
            }
        }

        string.Join('\n', offenders).ShouldBeEmpty();
    }

    [Fact]
    public async Task A_body_that_is_announced_above_32_MiB_is_413_before_it_is_sent()
    {
        var offenders = new List<string>();
        foreach (var operation in WithBody.Where(o => !o.IsGateway))
        {
            var answer = await Stage.SendRawAsync($"{operation.Method} {await AtAsync(operation)} HTTP/1.1\r\nHost: crew\r\nConnection: close\r\n"
                + $"X-Forwarded-For: {Stage.NewAddress()}\r\nAuthorization: Bearer {Stage.Home.ApiKeys.Live}\r\n"
                + "Content-Type: application/json\r\nContent-Length: 33554433\r\n\r\n");
            if (!answer.StartsWith("HTTP/1.1 413", StringComparison.Ordinal) || !answer.Contains("body_too_large", StringComparison.Ordinal))
            {
                offenders.Add($"{operation}: {answer}");
            }
        }

        string.Join('\n', offenders).ShouldBeEmpty();
    }

    [Fact]
    public async Task A_body_above_32_MiB_is_413_in_the_dialect_of_the_gateway()
    {
        var (justAbove, twice) = (Spaces((32 << 20) + 1), Spaces(64 << 20));
        foreach (var operation in WithBody.Where(o => o.IsGateway))
        {
            var body = operation.Path is "/v1/chat/completions" or "/v1/messages" ? twice : justAbove;
            var answer = (await Stage.Account.SendAsync(operation.Method, operation.Path, body)).ShouldBe(413, "body_too_large");
            answer.Json.TryGetProperty("success", out _).ShouldBeFalse();
        }

        static byte[] Spaces(int length)
        {
            var body = new byte[length];
            body.AsSpan().Fill((byte)' ');
            return body;
        }
    }

    [Fact]
    public async Task A_large_body_that_keeps_its_length_to_itself_is_413()
    {
        var chunk = new string('x', 1 << 20);
        var body = string.Concat(Enumerable.Repeat($"{chunk.Length:x}\r\n{chunk}\r\n", 33)) + "0\r\n\r\n";
        var answer = await Stage.SendRawAsync("POST /v1/api-keys HTTP/1.1\r\nHost: crew\r\nConnection: close\r\nX-Forwarded-For: 10.200.0.1\r\n"
            + $"Authorization: Bearer {Stage.WorkspaceMaster}\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n{body}");
        answer.ShouldStartWith("HTTP/1.1 413");
        answer.ShouldContain("body_too_large");
    }

    [Fact]
    public async Task A_body_that_ends_early_is_no_failure_of_the_server()
    {
        var answer = await Stage.SendRawAsync("POST /v1/api-keys HTTP/1.1\r\nHost: crew\r\nConnection: close\r\nX-Forwarded-For: 10.200.0.2\r\n"
            + $"Authorization: Bearer {Stage.WorkspaceMaster}\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n");
        answer.ShouldStartWith("HTTP/1.1 400");
    }

    [Theory]
    [InlineData("name", "\"\"")]
    [InlineData("name", "7")]
    [InlineData("name", "\"a\\nb\"")]
    [InlineData("permissions", "[]")]
    [InlineData("permissions", "\"*:read\"")]
    [InlineData("permissions", "[null]")]
    [InlineData("permissions", "[\"no:such\"]")]
    [InlineData("mode", "\"other\"")]
    [InlineData("environment", "\"moon\"")]
    [InlineData("allowed_ips", "[\"300.1.1.1\"]")]
    [InlineData("allowed_ips", "[null]")]
    [InlineData("allowed_models", "[\"\"]")]
    [InlineData("rate_limit_per_minute", "0")]
    [InlineData("rate_limit_per_minute", "1.5")]
    [InlineData("rate_limit_per_minute", "99999999999")]
    [InlineData("expires_at", "\"2020-01-01T00:00:00Z\"")]
    [InlineData("expires_at", "\"soon\"")]
    [InlineData("budget", "{\"amount_usd\":1.5,\"window\":\"day\",\"mode\":\"strict\"}")]
    [InlineData("budget", "{\"amount_usd\":\"-1\",\"window\":\"day\",\"mode\":\"strict\"}")]
    [InlineData("budget", "{\"amount_usd\":\"1\",\"window\":\"year\",\"mode\":\"strict\"}")]
    public async Task A_key_with_a_wrong_field_is_refused_and_the_field_is_named(string field, string value)
    {
        var body = new Dictionary<string, string> { ["name"] = "\"a\"", ["permissions"] = "[\"models:read\"]", ["mode"] = "\"live\"" };
        body[field] = value;
        if (field == "environment")
        {
            body.Remove("mode");
        }

        var answer = await Stage.Master.PostAsync("/v1/api-keys", $"{{{string.Join(',', body.Select(f => $"\"{f.Key}\":{f.Value}"))}}}");
        answer.ShouldBe(400, "invalid_request").Error.GetProperty("details").GetProperty("field").GetString()!.Split(['.', '['])[0].ShouldBe(field);
    }

    [Fact]
    public async Task An_empty_body_is_an_empty_object()
    {
        var answer = await Stage.Master.PostAsync("/v1/api-keys", "");
        answer.ShouldBe(400, "invalid_request").Error.GetProperty("details").GetProperty("field").GetString().ShouldBe("name");
    }

    /// <summary>A path that exists, so that the body is what is judged.</summary>
    private async Task<string> AtAsync(ApiOperation operation)
    {
        if (!operation.HasId)
        {
            return operation.Path;
        }

        var kind = string.Join('/', operation.Path.Split('/').Skip(2).TakeWhile(part => !part.StartsWith('{')));
        return operation.At(await Things.GetOrAdd((Stage, kind), place => new Lazy<Task<string>>(() => ThingAsync(place.Kind))).Value);
    }

    private async Task<string> ThingAsync(string kind)
    {
        return kind switch
        {
            "crews" => Stage.Home.Crews.Staging,
            "workspaces" => Stage.Home.WorkspaceId,
            "alerts" => (await Stage.Master.PostAsync("/v1/alerts", new { title = "bad input" })).ShouldBe(201).Text("id"),
            "alert-rules" => "repeated_failures",
            "access-reviews" => (await Stage.Master.PostAsync("/v1/access-reviews")).ShouldBe(201).Text("id"),
            "budgets" => await BudgetAsync(),
            "gateway/providers" => await ProviderAsync(),
            "gateway/models" => await ModelAsync(),
            "members" => (await Stage.Master.GetAsync("/v1/members")).ShouldBe(200).Data[0].GetProperty("id").GetString()!,
            "passkeys" => "passkey_01k9x2f7m3q8t0v5w6y4z1a2bc",
            "api-keys" => (await Stage.KeyAsync()).Id,
            "webhooks" => (await Stage.Master.PostAsync("/v1/webhooks", new { url = "https://receiver.example/x", events = new[] { "*" } })).ShouldBe(201).Text("id"),
            "webhook-deliveries" => (await Stage.Master.PostAsync(
                $"/v1/webhooks/{await ThingAsync("webhooks")}/test")).ShouldBe(202).Text("id"),
            _ => throw new InvalidOperationException($"This test has no thing of the kind '{kind}'."),
        };
    }

    private async Task<string> BudgetAsync()
    {
        var key = await Stage.KeyAsync();
        return (await Stage.Master.PostAsync("/v1/budgets", new { scope = $"key:{key.Id}", amount_usd = "1", window = "day" })).ShouldBe(201).Text("id");
    }

    private async Task<string> ProviderAsync() => (await Stage.Master.PostAsync("/v1/gateway/providers",
        new { name = "p", kind = "openai", base_url = "https://provider.example/v1", api_key = "sk-p" })).ShouldBe(201).Text("id");

    private async Task<string> ModelAsync()
    {
        var id = $"bad-input-{Random.Shared.NextInt64():x}";
        var targets = new[] { new { provider_id = await ProviderAsync(), upstream_model = "m" } };
        return (await Stage.Master.PostAsync("/v1/gateway/models", new { id, targets })).ShouldBe(201).Text("id");
    }

    private Task EveryAsync(IEnumerable<ApiOperation> operations, string body, int status, params string[] codes) =>
        EveryAsync(operations, Encoding.UTF8.GetBytes(body), status, codes);

    private async Task EveryAsync(IEnumerable<ApiOperation> operations, byte[] body, int status, params string[] codes)
    {
        var offenders = new List<string>();
        foreach (var operation in operations)
        {
            Note(offenders, operation, await Stage.Account.SendAsync(operation.Method, await AtAsync(operation), body), status, codes);
        }

        string.Join('\n', offenders).ShouldBeEmpty();
    }

    private static void Note(List<string> offenders, ApiOperation operation, ApiAnswer answer, int status, params string[] codes)
    {
        if (!codes.Any(code => answer.Is(status, code)) || answer.Json.TryGetProperty("success", out _) == operation.IsGateway)
        {
            offenders.Add($"{answer} {answer.Body}");
        }
    }
}
