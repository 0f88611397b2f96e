using System.Diagnostics;

namespace Crew.Api.Tests;

public sealed class SqliteAlertTests(SqliteStage stage) : AlertTests(stage);

public sealed class PostgresAlertTests(PostgresStage stage) : AlertTests(stage);

/// <summary>Alerts and their rules through the API, and what raises them in the running product.</summary>
public abstract class AlertTests(ApiStage stage) : ApiTests(stage)
{
    [Fact]
    public async Task An_alert_is_raised_listed_read_and_acknowledged()
    {
        var key = await Stage.KeyAsync();
        var made = (await Stage.Master.PostAsync("/v1/alerts", new { title = "The laptop is gone", severity = "critical", subject_id = key.Id })).ShouldBe(201);
        (made.Text("kind"), made.Text("status")).ShouldBe(("manual", "open"));
        var path = $"/v1/alerts/{made.Text("id")}";
        (await Stage.Master.GetAsync(path)).ShouldBe(200).Text("title").ShouldBe("The laptop is gone");
        (await Stage.Master.GetAsync($"/v1/alerts?status=open&kind=manual&subject_id={key.Id}")).ShouldBe(200).Data.GetArrayLength().ShouldBe(1);
        (await Stage.Master.PostAsync($"{path}/acknowledge", new { note = "Found again" })).ShouldBe(200).Text("status").ShouldBe("acknowledged");
        (await Stage.Master.GetAsync($"/v1/alerts?status=open&subject_id={key.Id}")).ShouldBe(200).Data.GetArrayLength().ShouldBe(0);
        (await Stage.Master.PostAsync($"{path}/acknowledge", new { note = "Again" })).ShouldBe(200).Text("note").ShouldBe("Found again");
        (await Stage.Foreigner.GetAsync(path)).ShouldBe(404, "not_found");
        (await Stage.Master.PostAsync("/v1/alerts", new { title = "" })).ShouldBe(400, "invalid_request");
        (await Stage.Master.PostAsync("/v1/alerts", new { title = "a\nb" })).ShouldBe(400, "invalid_request");
        (await Stage.Master.PostAsync("/v1/alerts", new { title = "a", severity = "apocalypse" })).ShouldBe(400, "invalid_request");
        (await Stage.Master.PostAsync("/v1/alerts", new { title = "a", subject_id = "'; DROP TABLE" })).ShouldBe(400, "invalid_request");
        (await Stage.Master.PostAsync($"{path}/acknowledge", new { note = new string('x', 501) })).ShouldBe(400, "invalid_request");
        (await Stage.Master.GetAsync("/v1/alerts?status=maybe")).ShouldBe(400, "invalid_request");
        (await Stage.Master.GetAsync("/v1/alerts?kind=maybe")).ShouldBe(400, "invalid_request");
    }

    [Fact]
    public async Task A_rule_is_listed_read_changed_and_put_back()
    {
        var (_, account, _) = await Stage.OrganizationAsync();
        (await account.GetAsync("/v1/alert-rules?limit=100")).ShouldBe(200).Data.EnumerateArray().Select(r => r.GetProperty("kind").GetString()).ShouldContain("refresh_reuse");
        const string path = "/v1/alert-rules/repeated_failures";
        (await account.GetAsync(path)).ShouldBe(200).Data.GetProperty("is_default").GetBoolean().ShouldBeTrue();
        var changed = (await account.PatchAsync(path, new { threshold = 20, window_minutes = 60, muted_minutes = 10, recipients = new[] { "soc@example.com" } })).ShouldBe(200);
        (changed.Data.GetProperty("threshold").GetInt32(), changed.Data.GetProperty("window_minutes").GetInt32()).ShouldBe((20, 60));
        (await account.GetAsync(path)).ShouldBe(200).Body.ShouldContain("soc@example.com");
        (await account.GetAsync("/v1/audit-logs?event_type=alert_rule.updated")).ShouldBe(200).Body.ShouldNotContain("soc@example.com");
        (await account.PatchAsync(path, new { muted_minutes = 0, recipients = Array.Empty<string>() })).ShouldBe(200).Data.GetProperty("recipients").GetArrayLength().ShouldBe(0);
        foreach (var wrong in new object[]
        {
            new { threshold = 0 }, new { threshold = 1_001 }, new { window_minutes = 0 }, new { muted_minutes = 43_201 },
            new { recipients = new[] { "nobody" } }, new { recipients = new string?[] { null } },
            new { recipients = Enumerable.Repeat("a@example.com", 11).ToArray() }, new { recipients = new[] { "a@example.com\r\nBcc: b@example.com" } },
        })
        {
            (await account.PatchAsync(path, wrong)).ShouldBe(400, "invalid_request");
        }

        (await account.PatchAsync("/v1/alert-rules/refresh_reuse", new { threshold = 2 })).ShouldBe(400, "invalid_request");
        (await account.PatchAsync("/v1/alert-rules/nothing", new { enabled = false })).ShouldBe(404, "not_found");
        (await account.DeleteAsync(path)).ShouldBe(200).Data.GetProperty("threshold").GetInt32().ShouldBe(10);
        (await account.GetAsync(path)).ShouldBe(200).Data.GetProperty("is_default").GetBoolean().ShouldBeTrue();
    }

    [Fact]
    public async Task Leaks_reuse_browsers_urls_and_guesses_are_told_within_seconds_without_any_secret()
    {
        var (owner, account, _) = await Stage.OrganizationAsync();
        async Task<ApiAnswer> KeyAsync(params string[] permissions) =>
            (await account.PostAsync("/v1/api-keys", new { name = "k", mode = "live", permissions })).ShouldBe(201);
        var leaked = await KeyAsync("crews:read");
        (await Stage.Caller(null).PostAsync("/v1/api-keys/leaks", new { keys = new[] { leaked.Text("key") } })).ShouldBe(202);
        var browser = await KeyAsync("crews:read");
        (await Stage.Caller(browser.Text("key")).GetAsync("/v1/crews", ("Origin", "https://example.com"))).ShouldBe(403, "key_in_browser");
        (await Stage.Caller(null).GetAsync($"/v1/crews?key={browser.Text("key")}")).ShouldBe(401, "key_in_url");
        var issuer = Stage.Caller((await KeyAsync("tokens:create", "crews:read")).Text("key"));
        var minted = (await issuer.PostAsync("/v1/auth/tokens", new { subject = "a", permissions = new[] { "crews:read" } })).ShouldBe(201);
        var first = minted.Text("refresh_token");
        var second = (await Stage.Caller(null).PostAsync("/v1/auth/tokens/refresh", new { refresh_token = first })).ShouldBe(200).Text("refresh_token");
        (await Stage.Caller(null).PostAsync("/v1/auth/tokens/refresh", new { refresh_token = second })).ShouldBe(200);
        (await Stage.Caller(null).PostAsync("/v1/auth/tokens/refresh", new { refresh_token = first })).ShouldBe(401, "invalid_token");
        using (var stranger = new Testing.WebVisitor(Stage.Server.Address, Stage.NewAddress()))
        {
            for (var guess = 0; guess < 3; guess++)
            {
                await stranger.SubmitAsync("/sign-in", ("email", owner.Email), ("password", $"guess number {guess} of a stranger"));
            }
        }

        (await account.PatchAsync("/v1/alert-rules/repeated_failures", new { threshold = 1 })).ShouldBe(200);
        string[] expected = ["key_in_browser", "key_in_url", "leaked_key", "refresh_reuse"];
        var body = "";
        for (var waited = Stopwatch.StartNew(); waited.Elapsed < TimeSpan.FromSeconds(30); await Task.Delay(100, Cancel))
        {
            body = (await account.GetAsync("/v1/alerts?limit=100")).ShouldBe(200).Body;
            if (expected.All(kind => body.Contains($"\"{kind}\"", StringComparison.Ordinal)))
            {
                break;
            }
        }

        expected.ShouldAllBe(kind => body.Contains($"\"{kind}\"", StringComparison.Ordinal), body);
        body.ShouldContain(leaked.Text("id"));
        foreach (var secret in new[] { leaked.Text("key"), browser.Text("key"), first, second, owner.Email })
        {
            body.ShouldNotContain(secret);
        }
    }
}
