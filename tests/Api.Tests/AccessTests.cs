namespace Crew.Api.Tests;

public sealed class SqliteAccessTests(SqliteStage stage) : AccessTests(stage);

public sealed class PostgresAccessTests(PostgresStage stage) : AccessTests(stage);

/// <summary>Who and what reaches a crew, and the reviews of it.</summary>
public abstract class AccessTests(ApiStage stage) : ApiTests(stage)
{
    [Fact]
    public async Task The_people_keys_and_issuers_that_reach_a_crew_are_listed_with_why()
    {
        var home = await HomeAsync();
        var crews = (await home.Account.GetAsync("/v1/crews")).ShouldBe(200).Data.EnumerateArray().ToDictionary(c => c.GetProperty("environment").GetString()!, c => c.GetProperty("id").GetString()!);
        var developer = await Stage.PersonAsync("member", ["development"], contentAccess: false, by: home.By);
        async Task<string> KeyAsync(object binding) => (await home.Account.PostAsync("/v1/api-keys", binding)).ShouldBe(201).Text("id");
        var bound = await KeyAsync(new { name = "b", environment = "development", permissions = new[] { "crews:read" } });
        var test = await KeyAsync(new { name = "t", mode = "test", permissions = new[] { "crews:read" } });
        var issuing = (await home.Account.PostAsync("/v1/api-keys", new { name = "i", crew_id = crews["production"], permissions = new[] { "tokens:create", "crews:read" } })).ShouldBe(201);
        (await Stage.Caller(issuing.Text("key")).PostAsync("/v1/auth/tokens", new { subject = "a", permissions = new[] { "crews:read" } })).ShouldBe(201);

        var production = (await home.Account.GetAsync($"/v1/crews/{crews["production"]}/access")).ShouldBe(200);
        production.Body.ShouldNotContain(bound);
        production.Body.ShouldNotContain(test);
        production.Body.ShouldNotContain(developer.UserId);
        production.Data.GetProperty("issuers").EnumerateArray().Single(i => i.GetProperty("key_id").GetString() == issuing.Text("id")).GetProperty("live_tokens").GetInt32().ShouldBe(1);
        production.Data.GetProperty("people").EnumerateArray().Select(p => (p.GetProperty("user_id").GetString(), p.GetProperty("via").GetString()))
            .ShouldBe([(home.Owner.UserId, "organization_role"), (home.Owner.UserId, "membership")], ignoreOrder: true);
        production.Data.GetProperty("clients").GetArrayLength().ShouldBe(0);

        var development = (await home.Account.GetAsync($"/v1/crews/{crews["development"]}/access")).ShouldBe(200);
        var why = development.Data.GetProperty("keys").EnumerateArray().ToDictionary(k => k.GetProperty("id").GetString()!, k => k.GetProperty("via").GetString());
        (why[bound], why[test], why.ContainsKey(issuing.Text("id"))).ShouldBe(("environment", "test_mode", false));
        var seen = development.Data.GetProperty("people").EnumerateArray().Single(p => p.GetProperty("user_id").GetString() == developer.UserId);
        (seen.GetProperty("content_access").GetBoolean(), seen.GetProperty("role").GetString()).ShouldBe((false, "member"));
        seen.GetProperty("last_seen_at").GetString().ShouldNotBeNull();
        var partial = await Stage.KeyAsync(new { permissions = new[] { "members:read" } });
        (await partial.Caller.GetAsync($"/v1/crews/{Stage.Home.Crews.Staging}/access")).ShouldBe(403, "insufficient_permissions");
    }

    [Fact]
    public async Task A_review_is_opened_decided_completed_and_reported()
    {
        var home = await HomeAsync();
        var leaver = await Stage.PersonAsync("member", by: home.By);
        var own = (await leaver.PostAsync("/v1/api-keys", new { name = "own", mode = "live", permissions = new[] { "models:invoke" } })).ShouldBe(201);
        var service = (await home.Account.PostAsync("/v1/api-keys", new { name = "s", mode = "live", permissions = new[] { "crews:read" } })).ShouldBe(201);
        var opened = (await home.Owner.PostAsync("/v1/access-reviews")).ShouldBe(201);
        (await home.Owner.PostAsync("/v1/access-reviews")).ShouldBe(201).Text("id").ShouldBe(opened.Text("id"));
        var path = $"/v1/access-reviews/{opened.Text("id")}";
        var items = (await home.Owner.GetAsync($"{path}/items?limit=100")).ShouldBe(200).Data.EnumerateArray().ToList();
        items.Count.ShouldBe(opened.Data.GetProperty("items").GetInt32());
        string Subject(string userId) => items.Single(i => i.GetProperty("kind").GetString() == "person" && i.GetProperty("user_id").GetString() == userId).GetProperty("subject_id").GetString()!;
        object Verdicts(params (string Subject, string Verdict)[] all) => new { decisions = all.Select(v => new { subject_id = v.Subject, verdict = v.Verdict }).ToArray() };

        (await leaver.GetAsync(path)).ShouldBe(403, "insufficient_permissions");
        (await home.Owner.PostAsync($"{path}/decisions", Verdicts((Subject(home.Owner.UserId), "revoke")))).ShouldBe(409, "last_owner");
        (await home.Owner.PostAsync($"{path}/decisions", Verdicts(("key_01k9x2f7m3q8t0v5w6y4z1a2bc", "keep")))).ShouldBe(400, "invalid_request");
        (await home.Owner.PostAsync($"{path}/decisions", Verdicts((service.Text("id"), "perhaps")))).ShouldBe(400, "invalid_request");
        var done = (await home.Owner.PostAsync($"{path}/decisions", Verdicts((Subject(leaver.UserId), "revoke"), (service.Text("id"), "revoke")))).ShouldBe(200);
        (await home.Owner.GetAsync(path)).ShouldBe(200).Data.GetProperty("revoked").GetInt32().ShouldBe(2);
        (done.Data.GetProperty("revoked").GetInt32(), done.Text("status")).ShouldBe((2, "open"));
        (await Stage.Caller(own.Text("key")).GetAsync("/v1/me")).ShouldBe(401, "expired_api_key");
        (await Stage.Caller(service.Text("key")).GetAsync("/v1/me")).ShouldBe(401, "expired_api_key");
        (await home.Owner.PostAsync($"{path}/decisions", Verdicts((service.Text("id"), "keep")))).ShouldBe(400, "invalid_request");

        var left = (await home.Owner.GetAsync($"{path}/items?limit=100")).ShouldBe(200).Data.EnumerateArray()
            .Where(i => i.GetProperty("decision").GetString() is null).Select(i => (i.GetProperty("subject_id").GetString()!, "keep")).ToArray();
        var completed = (await home.Owner.PostAsync($"{path}/decisions", Verdicts(left))).ShouldBe(200);
        (completed.Text("status"), completed.Data.GetProperty("undecided").GetInt32(), completed.Data.GetProperty("gone").GetInt32()).ShouldBe(("completed", 0, 1));
        (await home.Owner.GetAsync("/v1/access-reviews")).ShouldBe(200).Data.GetArrayLength().ShouldBe(1);
        var report = (await home.Owner.GetAsync($"{path}/report")).ShouldBe(200);
        report.Body.Split("\r\n", StringSplitOptions.RemoveEmptyEntries).Length.ShouldBe(items.Count + 1);
        report.Body.ShouldContain(leaver.Email);
        (await home.Owner.GetAsync("/v1/audit-logs?event_type=review.completed")).ShouldBe(200).Data.GetArrayLength().ShouldBe(1);
        (await Stage.Foreigner.GetAsync(path)).ShouldBe(404, "not_found");
    }

    private async Task<(Persona Owner, ApiCaller Account, Func<string, object, Task<ApiAnswer>> By)> HomeAsync()
    {
        var (owner, account, _) = await Stage.OrganizationAsync();
        return (owner, account, (path, body) => account.PostAsync(path, body));
    }
}
