using System.Text.Json;

namespace Crew.Api.Tests;

public sealed class SqliteEndpointLifeTests(SqliteStage stage) : EndpointLifeTests(stage);

public sealed class PostgresEndpointLifeTests(PostgresStage stage) : EndpointLifeTests(stage);

/// <summary>Each kind of thing from its making to its end, through every endpoint that it has; the answers look as the document says.</summary>
public abstract class EndpointLifeTests(ApiStage stage) : ApiTests(stage)
{
    [Fact]
    public async Task A_budget_is_made_read_explained_changed_and_removed()
    {
        var key = await Stage.KeyAsync();
        var made = await SeenAsync("POST", "/v1/budgets", new { scope = $"key:{key.Id}", amount_usd = "2.50", window = "week", mode = "strict" }, 201);
        var path = $"/v1/budgets/{Id(made)}";
        (await SeenAsync("GET", path)).GetProperty("amount_usd").GetString().ShouldBe("2.500000000");
        (await ListedAsync("/v1/budgets")).ShouldContain(b => Id(b) == Id(made));
        Has(await SeenAsync("GET", $"{path}/explain"), "2.500000000").ShouldBeTrue();
        (await SeenAsync("PATCH", path, new { amount_usd = "3", clamp_output = true })).GetProperty("amount_usd").GetString().ShouldBe("3.000000000");
        Id(await SeenAsync("DELETE", path)).ShouldBe(Id(made));
        (await Stage.Master.GetAsync(path)).ShouldBe(404, "not_found");
    }

    [Fact]
    public async Task A_provider_is_made_read_tested_changed_and_removed()
    {
        var made = await SeenAsync("POST", "/v1/gateway/providers", new { name = "sandbox", kind = "sandbox" }, 201);
        var path = $"/v1/gateway/providers/{Id(made)}";
        (await SeenAsync("GET", path)).GetProperty("kind").GetString().ShouldBe("sandbox");
        (await ListedAsync("/v1/gateway/providers")).ShouldContain(p => Id(p) == Id(made));
        (await SeenAsync("POST", $"{path}/test", new { })).GetProperty("result").GetString().ShouldBe("ok");
        (await SeenAsync("PATCH", path, new { name = "renamed" })).GetProperty("name").GetString().ShouldBe("renamed");
        Id(await SeenAsync("DELETE", path)).ShouldBe(Id(made));
        (await Stage.Master.GetAsync(path)).ShouldBe(404, "not_found");
    }

    [Fact]
    public async Task A_model_is_made_read_changed_called_and_removed()
    {
        var provider = Id(await SeenAsync("POST", "/v1/gateway/providers", new { name = "of a model", kind = "sandbox" }, 201));
        var id = $"life/{Random.Shared.NextInt64():x}";
        var targets = new[] { new { provider_id = provider, upstream_model = "crew-sandbox-echo" } };
        var price = new { input = "1", output = "2" };
        await SeenAsync("POST", "/v1/gateway/models", new { id, targets, price_per_million_usd = price, max_output_tokens = 64 }, 201);
        var path = $"/v1/gateway/models/{id}";
        (await SeenAsync("GET", path)).GetProperty("targets")[0].GetProperty("provider_id").GetString().ShouldBe(provider);
        (await ListedAsync("/v1/gateway/models")).ShouldContain(m => Id(m) == id);
        (await ListedAsync("/v1/gateway/targets")).ShouldContain(t => t.GetProperty("provider_id").GetString() == provider);
        (await SeenAsync("PATCH", path, new { max_output_tokens = 32 })).GetProperty("max_output_tokens").GetInt32().ShouldBe(32);

        (await Stage.Master.GetAsync("/v1/models")).ShouldBe(200).Data.EnumerateArray().ShouldContain(m => Id(m) == id);
        (await Stage.Master.GetAsync($"/v1/models/{id}")).ShouldBe(200).Json.GetProperty("id").GetString().ShouldBe(id);
        var call = await Stage.Master.PostAsync("/v1/chat/completions", new { model = id, messages = new[] { new { role = "user", content = "Hello" } } });
        call.ShouldBe(200).Json.GetProperty("choices").GetArrayLength().ShouldBe(1);
        await IsMeteredAsync(call.Header("X-Request-Id")!, id);

        (await SeenAsync("GET", "/v1/gateway/prices")).GetProperty("models").EnumerateArray().ShouldContain(m => Id(m) == id);
        var list = new { models = new[] { new { id, price_per_million_usd = new { input = "3", output = "4" } } } };
        (await SeenAsync("POST", "/v1/gateway/prices/import", list)).GetProperty("changed").EnumerateArray().Select(Id).ShouldBe([id]);
        (await SeenAsync("GET", path)).GetProperty("price_per_million_usd").GetProperty("input").GetString().ShouldBe("3.000000000");

        Id(await SeenAsync("DELETE", path)).ShouldBe(id);
        (await Stage.Master.GetAsync(path)).ShouldBe(404, "not_found");
    }

    [Theory]
    [InlineData("/v1/responses", """{"model":"crew-sandbox-echo","input":"Hello"}""", "output")]
    [InlineData("/v1/embeddings", """{"model":"crew-sandbox-embed","input":"Hello"}""", "data")]
    [InlineData("/v1/messages", """{"model":"crew-sandbox-echo","max_tokens":16,"messages":[{"role":"user","content":"Hello"}]}""", "content")]
    [InlineData("/v1/messages/count_tokens", """{"model":"crew-sandbox-echo","messages":[{"role":"user","content":"Hello"}]}""", "input_tokens")]
    [InlineData("/v1/completions", """{"model":"crew-sandbox-echo","prompt":"Hello"}""", "choices")]
    [InlineData("/v1/moderations", """{"model":"crew-sandbox-echo","input":"Hello"}""", "results")]
    [InlineData("/v1/images/generations", """{"model":"crew-sandbox-echo","prompt":"Hello","n":2}""", "data")]
    [InlineData("/v1/images/edits", """{"model":"crew-sandbox-echo","prompt":"Hello"}""", "data")]
    [InlineData("/v1/images/variations", """{"model":"crew-sandbox-echo"}""", "data")]
    [InlineData("/v1/audio/transcriptions", """{"model":"crew-sandbox-echo"}""", "text")]
    [InlineData("/v1/audio/translations", """{"model":"crew-sandbox-echo"}""", "text")]
    public async Task A_model_answers_at_every_endpoint_of_inference(string path, string body, string member)
    {
        using var request = JsonDocument.Parse(body);
        var answer = (await Stage.Master.PostAsync(path, request.RootElement)).ShouldBe(200);
        answer.Json.TryGetProperty(member, out _).ShouldBeTrue();
        (await SeenAsync("GET", $"/v1/gateway/requests/{answer.Header("X-Request-Id")}")).GetProperty("attempts").GetArrayLength().ShouldBe(1);
    }

    [Fact]
    public async Task A_model_speaks()
    {
        var answer = (await Stage.Master.PostAsync("/v1/audio/speech", new { model = "crew-sandbox-echo", input = "Hello", voice = "any" })).ShouldBe(200);
        (answer.Header("Content-Type"), answer.Body[..4]).ShouldBe(("audio/wav", "RIFF"));
        (await SeenAsync("GET", $"/v1/gateway/requests/{answer.Header("X-Request-Id")}")).GetProperty("attempts").GetArrayLength().ShouldBe(1);
    }

    [Fact]
    public async Task A_crew_is_made_read_and_renamed_and_keeps_its_environment()
    {
        var made = await SeenAsync("POST", "/v1/crews", new { name = "life", environment = "staging" }, 201);
        var path = $"/v1/crews/{Id(made)}";
        (await SeenAsync("PATCH", path, new { name = "renamed" })).GetProperty("name").GetString().ShouldBe("renamed");
        (await SeenAsync("GET", path)).GetProperty("environment").GetString().ShouldBe("staging");
        (await ListedAsync("/v1/crews")).ShouldContain(c => Id(c) == Id(made));
        (await Stage.Master.PatchAsync(path, new { environment = "production" })).ShouldBe(400, "unknown_field");
    }

    [Fact]
    public async Task A_workspace_is_made_read_changed_suspended_and_resumed()
    {
        var made = await SeenAsync("POST", "/v1/workspaces", new { name = "life" }, 201, Stage.Account);
        var path = $"/v1/workspaces/{Id(made)}";
        var inside = ("X-Crew-Workspace", Id(made));
        (await ListedAsync("/v1/workspaces", Stage.Account)).ShouldContain(w => Id(w) == Id(made));
        (await SeenAsync("PATCH", path, new { name = "renamed" }, by: Stage.Account, headers: inside)).GetProperty("name").GetString().ShouldBe("renamed");
        (await SeenAsync("GET", path, by: Stage.Account, headers: inside)).GetProperty("name").GetString().ShouldBe("renamed");
        (await SeenAsync("POST", $"{path}/suspend", new { }, by: Stage.Account)).GetProperty("suspended").GetBoolean().ShouldBeTrue();
        (await SeenAsync("POST", $"{path}/resume", new { }, by: Stage.Account)).GetProperty("suspended").GetBoolean().ShouldBeFalse();
        (await SeenAsync("GET", "/v1/members", by: Stage.Account, headers: inside)).GetArrayLength().ShouldBe(1);
    }

    [Fact]
    public async Task A_key_is_made_read_changed_used_rolled_and_revoked()
    {
        var made = await SeenAsync("POST", "/v1/api-keys", new { name = "life", mode = "live", permissions = new[] { "models:read" } }, 201);
        var path = $"/v1/api-keys/{Id(made)}";
        (await SeenAsync("PATCH", path, new { name = "renamed" })).GetProperty("name").GetString().ShouldBe("renamed");
        (await SeenAsync("GET", path)).GetProperty("name").GetString().ShouldBe("renamed");
        (await SeenAsync("GET", "/v1/me", by: Stage.Caller(made.GetProperty("key").GetString()))).GetProperty("principal").GetProperty("id").GetString().ShouldBe(Id(made));
        (await ListedAsync("/v1/api-keys")).ShouldContain(k => Id(k) == Id(made));
        await SeenAsync("GET", $"{path}/usage");
        await SeenAsync("GET", $"{path}/tree");
        var rolled = await SeenAsync("POST", $"{path}/roll", new { overlap_seconds = 60 }, 201);
        Id(await SeenAsync("DELETE", $"/v1/api-keys/{Id(rolled)}")).ShouldBe(Id(rolled));
    }

    [Fact]
    public async Task A_record_is_listed_read_and_exported()
    {
        var key = await Stage.KeyAsync();
        var record = (await SeenAsync("GET", $"/v1/audit-logs?event_type=api_key.created&resource_id={key.Id}"))[0];
        (await SeenAsync("GET", $"/v1/audit-logs/{Id(record)}")).GetProperty("resource").GetProperty("id").GetString().ShouldBe(key.Id);
        var export = (await Stage.Master.GetAsync($"/v1/audit-logs/export?event_type=api_key.created&resource_id={key.Id}")).ShouldBe(200);
        export.Body.Split('\n', StringSplitOptions.RemoveEmptyEntries).ShouldHaveSingleItem().ShouldContain(Id(record));
    }

    private async Task IsMeteredAsync(string requestId, string model)
    {
        (await SeenAsync("GET", $"/v1/gateway/requests/{requestId}")).GetProperty("attempts").GetArrayLength().ShouldBe(1);
        (await SeenAsync("GET", $"/v1/gateway/requests?model={Uri.EscapeDataString(model)}")).GetArrayLength().ShouldBe(1);
        var sums = await SeenAsync("GET", "/v1/gateway/usage?group_by=model");
        sums.EnumerateArray().Single(s => s.GetProperty("model").GetString() == model).GetProperty("requests").GetInt64().ShouldBe(1);
        (await Stage.Master.GetAsync("/v1/gateway/usage/export?group_by=model")).ShouldBe(200).Body.ShouldContain(model);
    }

    /// <summary>All pages of a list: the other tests make things as well.</summary>
    private async Task<List<JsonElement>> ListedAsync(string path, ApiCaller? by = null)
    {
        var things = new List<JsonElement>();
        for (var cursor = ""; cursor is not null;)
        {
            var page = await (by ?? Stage.Master).GetAsync($"{path}?limit=100{cursor}");
            ShouldLookAsDescribed("GET", path, page.ShouldBe(200));
            things.AddRange(page.Data.EnumerateArray());
            cursor = page.Json.GetProperty("pagination").GetProperty("next_cursor").GetString() is { } next ? $"&cursor={next}" : null;
        }

        return things;
    }

    /// <summary>Calls an endpoint that must succeed, holds the answer against the document and returns its data.</summary>
    private async Task<JsonElement> SeenAsync(
        string method, string path, object? body = null, int status = 200, ApiCaller? by = null, params (string, string)[] headers)
    {
        var answer = (await (by ?? Stage.Master).SendAsync(method, path, body, headers)).ShouldBe(status);
        ShouldLookAsDescribed(method, path, answer);
        return answer.Data;
    }

    private void ShouldLookAsDescribed(string method, string path, ApiAnswer answer)
    {
        var operation = Stage.Reference.Find(new ApiCall(method, path.Split('?')[0], true)).ShouldNotBeNull($"{method} {path} is in the document");
        var schema = operation.Node.GetProperty("responses").GetProperty($"{answer.Status}").GetProperty("content").GetProperty("application/json").GetProperty("schema");
        string.Join('\n', Stage.Reference.Differences(schema, answer.Json, $"{method} {path}")).ShouldBeEmpty();
    }

    private static string Id(JsonElement thing) => thing.GetProperty("id").GetString()!;

    private static bool Has(JsonElement thing, string text) => thing.GetRawText().Contains(text, StringComparison.Ordinal);
}
