using System.Text.Json;

namespace Crew.Api.Tests;

public sealed class SqliteWebhookTests(SqliteStage stage) : WebhookTests(stage);

public sealed class PostgresWebhookTests(PostgresStage stage) : WebhookTests(stage);

/// <summary>Events and the endpoints that ask for them, from outside.</summary>
public abstract class WebhookTests(ApiStage stage) : ApiTests(stage)
{
    private const string Url = "https://receiver.example/hooks/crew";

    [Fact]
    public async Task An_endpoint_is_made_read_changed_tested_and_removed_and_shows_its_secret_once()
    {
        var made = (await Stage.Master.PostAsync("/v1/webhooks", new
        {
            url = Url,
            events = new[] { "api_key.*", "budget.warning" },
            description = "life",
            headers = new Dictionary<string, string> { ["X-Route"] = "a-secret-route" },
        })).ShouldBe(201);
        var (path, secret) = ($"/v1/webhooks/{made.Text("id")}", made.Text("secret"));
        secret.ShouldStartWith("whsec_");
        made.Text("status").ShouldBe("active");

        var read = (await Stage.Master.GetAsync(path)).ShouldBe(200);
        read.Body.ShouldNotContain(secret);
        read.Body.ShouldNotContain("a-secret-route");
        read.Data.GetProperty("header_names")[0].GetString().ShouldBe("X-Route");
        read.Text("health").ShouldBe("well");
        (await Stage.Master.GetAsync("/v1/webhooks?limit=100")).ShouldBe(200).Body.ShouldContain(made.Text("id"));

        (await Stage.Master.PatchAsync(path, new { status = "paused" })).ShouldBe(200).Text("status_reason").ShouldBe("by_request");
        (await Stage.Master.PatchAsync(path, new { status = "active", events = new[] { "*" } })).ShouldBe(200).Data.GetProperty("events")[0].GetString().ShouldBe("*");
        var rotated = (await Stage.Master.PostAsync($"{path}/rotate-secret", new { overlap_seconds = 60 })).ShouldBe(200);
        rotated.Text("secret").ShouldNotBe(secret);
        rotated.Data.GetProperty("former_secret_ends_at").ValueKind.ShouldBe(JsonValueKind.String);
        (await Stage.Master.PostAsync($"{path}/test")).ShouldBe(202).Text("event_type").ShouldBe("webhook.test");
        (await Stage.Master.DeleteAsync(path)).ShouldBe(200);
        (await Stage.Master.GetAsync(path)).ShouldBe(404, "not_found");
    }

    [Fact]
    public async Task An_endpoint_answers_its_challenge_and_its_deliveries_are_listed_sent_again_and_replayed()
    {
        var place = $"/{Random.Shared.NextInt64():x}";
        var url = new Uri(Stage.Hooks.Url, place).AbsoluteUri;
        var made = (await Stage.Master.PostAsync("/v1/webhooks", new { url, events = new[] { "api_key.created" }, challenge_required = true })).ShouldBe(201);
        var path = $"/v1/webhooks/{made.Text("id")}";
        (await Stage.Master.PostAsync($"{path}/test")).ShouldBe(409, "webhook_not_verified");
        var key = await Stage.KeyAsync();
        (await Stage.Master.PostAsync($"{path}/verify")).ShouldBe(200).Data.GetProperty("verified").GetBoolean().ShouldBeTrue();
        (await Stage.Master.PostAsync($"{path}/test")).ShouldBe(202);
        await ComesAsync(place, key.Id);
        await ComesAsync(place, "webhook.test");

        var listed = (await DeliveredAsync(path, key.Id))[0];
        var id = listed.GetProperty("id").GetString();
        listed.GetProperty("response_text").GetString().ShouldBe("thanks");
        listed.GetProperty("log")[0].GetProperty("status").GetInt32().ShouldBe(200);
        (await Stage.Master.GetAsync($"/v1/webhook-deliveries/{id}")).ShouldBe(200).Text("webhook_id").ShouldBe(made.Text("id"));
        (await Stage.Master.PostAsync($"/v1/webhook-deliveries/{id}/redeliver")).ShouldBe(202);
        await ComesAsync(place, key.Id, 2);
        var replay = new { from = DateTimeOffset.UtcNow.AddMinutes(-5).ToString("yyyy-MM-dd'T'HH:mm:ss'Z'"), include_delivered = true };
        (await Stage.Master.PostAsync($"{path}/replay", replay)).ShouldBe(202).Data.GetProperty("replayed").GetInt32().ShouldBeGreaterThan(0);
        await ComesAsync(place, key.Id, 3);
        (await Stage.Master.GetAsync($"{path}/deliveries?status=lost")).ShouldBe(400, "invalid_request");
        (await Stage.Master.DeleteAsync(path)).ShouldBe(200);
        (await Stage.Master.GetAsync($"/v1/webhook-deliveries/{id}")).ShouldBe(404, "not_found");
    }

    private async Task ComesAsync(string place, string what, int count = 1)
    {
        for (var waited = 0; Stage.Hooks.At(place).Count(b => b.Contains(what, StringComparison.Ordinal)) < count; waited += 20)
        {
            waited.ShouldBeLessThan(20_000, $"{what} comes {count} times");
            await Task.Delay(20, Cancel);
        }
    }

    private async Task<JsonElement[]> DeliveredAsync(string path, string keyId)
    {
        var happened = (await Stage.Master.GetAsync("/v1/events?type=api_key.created&limit=100")).ShouldBe(200).Data.EnumerateArray()
            .Single(e => e.GetRawText().Contains(keyId, StringComparison.Ordinal)).GetProperty("id").GetString();
        for (var waited = 0; ; waited += 20)
        {
            var found = (await Stage.Master.GetAsync($"{path}/deliveries?status=delivered&event_id={happened}")).ShouldBe(200).Data.EnumerateArray().ToArray();
            if (found.Length > 0)
            {
                return found;
            }

            waited.ShouldBeLessThan(20_000, "it is listed as delivered");
            await Task.Delay(20, Cancel);
        }
    }

    [Fact]
    public async Task An_event_of_a_change_is_listed_with_what_it_is_about()
    {
        var key = await Stage.KeyAsync();
        var listed = (await Stage.Master.GetAsync("/v1/events?type=api_key.created&limit=100")).ShouldBe(200).Data.EnumerateArray()
            .Single(e => e.GetProperty("data").GetProperty("resource").GetProperty("id").GetString() == key.Id);
        listed.GetProperty("workspace_id").GetString().ShouldBe(Stage.Home.WorkspaceId);
        listed.GetProperty("id").GetString()!.ShouldStartWith("evt_");
        var read = (await Stage.Master.GetAsync($"/v1/events/{listed.GetProperty("id").GetString()}")).ShouldBe(200);
        read.Text("type").ShouldBe("api_key.created");
        read.Body.ShouldNotContain(key.Text);
        (await Stage.Master.GetAsync("/v1/events?kind=x")).ShouldBe(400, "unknown_field");
        (await Stage.Master.GetAsync("/v1/events?type=api_keys.created")).ShouldBe(400, "invalid_request");
    }

    [Fact]
    public async Task Events_are_shown_as_far_as_the_rights_reach()
    {
        var key = await Stage.KeyAsync(new { permissions = new[] { "events:read", "budgets:read" } });
        var seen = (await key.Caller.GetAsync("/v1/events?limit=100")).ShouldBe(200).Data.EnumerateArray().Select(e => e.GetProperty("type").GetString()!);
        seen.ShouldAllBe(type => type.StartsWith("budget."));
    }

    [Fact]
    public async Task The_catalogue_names_every_type_with_schema_example_and_permission()
    {
        var types = new List<JsonElement>();
        for (var cursor = ""; cursor is not null;)
        {
            var page = (await Stage.Master.GetAsync($"/v1/event-types?limit=100{cursor}")).ShouldBe(200);
            types.AddRange(page.Data.EnumerateArray());
            cursor = page.Json.GetProperty("pagination").GetProperty("next_cursor").GetString() is { } next ? $"&cursor={next}" : null;
        }

        types.Count.ShouldBeGreaterThan(60);
        foreach (var type in types)
        {
            type.GetProperty("schema").GetProperty("type").GetString().ShouldBe("object");
            type.GetProperty("example").GetProperty("type").GetString().ShouldBe(type.GetProperty("type").GetString());
            (type.GetProperty("unavailable_reason").ValueKind == JsonValueKind.Null).ShouldBe(type.GetProperty("available").GetBoolean());
        }

        types.Single(t => t.GetProperty("type").GetString() == "call.initiated").GetProperty("aliases")[0].GetString().ShouldBe("call.started");
    }

    [Theory]
    [InlineData("""{"url":"ftp://receiver.example/x","events":["*"]}""", "invalid_request")]
    [InlineData("""{"url":"http://receiver.example/x","events":["*"]}""", "egress_refused")]
    [InlineData("""{"url":"https://127.0.0.1/x","events":["*"]}""", "egress_refused")]
    [InlineData("""{"url":"https://169.254.169.254/latest","events":["*"]}""", "egress_refused")]
    [InlineData("""{"url":"https://0x7f.1/x","events":["*"]}""", "egress_refused")]
    [InlineData("""{"url":"https://[::ffff:10.0.0.1]/x","events":["*"]}""", "egress_refused")]
    [InlineData("""{"url":"https://user:pass@receiver.example/x","events":["*"]}""", "egress_refused")]
    [InlineData("""{"url":"https://receiver.example/x","events":[]}""", "invalid_request")]
    [InlineData("""{"url":"https://receiver.example/x","events":["call.endet"]}""", "invalid_request")]
    [InlineData("""{"url":"https://receiver.example/x","events":["call.ended"]}""", "crew_required")]
    [InlineData("""{"url":"https://receiver.example/x","events":["*"],"secret":"whsec_c2hvcnQ="}""", "invalid_request")]
    [InlineData("""{"url":"https://receiver.example/x","events":["*"],"headers":{"Host":"inner"}}""", "invalid_request")]
    [InlineData("""{"url":"https://receiver.example/x","events":["*"],"headers":{"Connection":"close"}}""", "invalid_request")]
    [InlineData("""{"url":"https://receiver.example/x","events":["*"],"headers":{"webhook-id":"x"}}""", "invalid_request")]
    [InlineData("""{"url":"https://receiver.example/x","events":["*"],"headers":{"X-A":"a\r\nb"}}""", "invalid_request")]
    [InlineData("""{"url":"https://receiver.example/x","events":["*"],"header":{}}""", "unknown_field")]
    public async Task An_endpoint_that_cannot_be_is_refused_with_what_is_wrong(string body, string code) =>
        (await Stage.Master.PostAsync("/v1/webhooks", JsonDocument.Parse(body).RootElement)).ShouldBe(400, code);

    [Fact]
    public async Task Nobody_asks_for_events_beyond_their_rights_or_crews()
    {
        var narrow = await Stage.KeyAsync(new { permissions = new[] { "webhooks:write", "budgets:read" } });
        (await narrow.Caller.PostAsync("/v1/webhooks", new { url = Url, events = new[] { "api_key.created" } })).ShouldBe(403, "insufficient_permissions");
        (await narrow.Caller.PostAsync("/v1/webhooks", new { url = Url, events = new[] { "budget.warning", "*" } })).ShouldBe(201);
        var bound = await Stage.KeyAsync(new { environment = "development", permissions = new[] { "webhooks:write", "webhooks:read", "crews:read" } });
        (await bound.Caller.PostAsync("/v1/webhooks", new { url = Url, events = new[] { "crew.updated" } })).ShouldBe(400, "crew_required");
        var foreign = new { url = Url, events = new[] { "crew.updated" }, crew_id = Stage.Home.Crews.Production };
        (await bound.Caller.PostAsync("/v1/webhooks", foreign)).ShouldBe(404, "not_found");
        var own = (await bound.Caller.PostAsync("/v1/webhooks", foreign with { crew_id = Stage.Home.Crews.Development })).ShouldBe(201);
        (await bound.Caller.GetAsync("/v1/webhooks")).ShouldBe(200).Data.EnumerateArray().Select(e => e.GetProperty("crew_id").GetString())
            .ShouldAllBe(crew => crew == Stage.Home.Crews.Development);
        (await Stage.Master.DeleteAsync($"/v1/webhooks/{own.Text("id")}")).ShouldBe(200);
    }

    [Fact]
    public async Task A_plan_holds_so_many_endpoints()
    {
        var inside = ("X-Crew-Workspace", (await Stage.Account.PostAsync("/v1/workspaces", new { name = "few hooks", plan = "starter" })).ShouldBe(201).Text("id"));
        for (var made = 0; made < 5; made++)
        {
            (await Stage.Account.PostAsync("/v1/webhooks", new { url = Url, events = new[] { "*" } }, inside)).ShouldBe(201);
        }

        var refused = (await Stage.Account.PostAsync("/v1/webhooks", new { url = Url, events = new[] { "*" } }, inside)).ShouldBe(403, "quota_exceeded");
        refused.Error.GetProperty("details").GetProperty("limit").GetString().ShouldBe("max_webhooks");
    }
}
