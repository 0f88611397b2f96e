using System.Diagnostics;
using System.Text.Json;

namespace Crew.Api.Tests;

public sealed class SqlitePersonalKeyTests(SqliteStage stage) : PersonalKeyTests(stage);

public sealed class PostgresPersonalKeyTests(PostgresStage stage) : PersonalKeyTests(stage);

/// <summary>Keys of the kind <c>user</c>: they follow the person who made them, and never exceed them.</summary>
public abstract class PersonalKeyTests(ApiStage stage) : ApiTests(stage)
{
    private static readonly object Hello = new { model = "crew-sandbox-echo", messages = new[] { new { role = "user", content = "Hello" } } };

    [Fact]
    public async Task A_members_key_works_within_its_cap_and_dies_with_the_membership()
    {
        var ada = await Stage.PersonAsync("member");
        var made = (await MakeAsync(ada, new { permissions = new[] { "models:invoke", "crews:read" }, budget = new { amount_usd = "1", window = "day", mode = "strict" } })).ShouldBe(201);
        (made.Text("kind"), made.Text("user_id")).ShouldBe(("user", ada.UserId));
        var key = Stage.Caller(made.Text("key"));
        (await key.PostAsync("/v1/chat/completions", Hello)).ShouldBe(200);
        var me = (await key.GetAsync("/v1/me")).ShouldBe(200).Data.GetProperty("principal");
        (me.GetProperty("kind").GetString(), me.GetProperty("user_id").GetString()).ShouldBe(("user", ada.UserId));
        (await Stage.Master.GetAsync($"/v1/budgets?limit=100")).ShouldBe(200);

        (await Stage.Account.DeleteAsync($"/v1/members/{await MembershipAsync(ada)}")).ShouldBe(200);
        (await key.PostAsync("/v1/chat/completions", Hello)).ShouldBe(401, "expired_api_key").Body.ShouldContain("revoked");
        (await Stage.Master.GetAsync($"/v1/api-keys/{made.Text("id")}")).ShouldBe(200).Text("status").ShouldBe("revoked");
        (await Stage.Master.GetAsync($"/v1/audit-logs?event_type=api_key.revoked&resource_id={made.Text("id")}")).ShouldBe(200).Body.ShouldContain("member_removed");
    }

    [Fact]
    public async Task A_stream_that_runs_on_a_members_key_is_cut_when_the_member_is_removed()
    {
        var ada = await Stage.PersonAsync("member");
        var key = Stage.Caller((await MakeAsync(ada, new { permissions = new[] { "models:invoke" } })).ShouldBe(201).Text("key"));
        var token = await TokenAsync(ada, "models:invoke");
        var streams = new[] { key, token }.Select(StreamAsync).ToList();
        await Task.Delay(1_000, Cancel);
        streams.ShouldAllBe(s => !s.IsCompleted);
        (await Stage.Account.DeleteAsync($"/v1/members/{await MembershipAsync(ada)}")).ShouldBe(200);
        var since = Stopwatch.StartNew();
        await Task.WhenAll(streams).WaitAsync(TimeSpan.FromSeconds(20), Cancel);
        since.Elapsed.ShouldBeLessThan(TimeSpan.FromSeconds(5));
    }

    [Fact]
    public async Task A_stream_that_runs_on_a_token_is_cut_when_its_family_is_ended()
    {
        var ada = await Stage.PersonAsync("member");
        var made = await MintAsync(ada, "models:invoke");
        var stream = StreamAsync(Stage.Caller(made.Text("access_token")));
        await Task.Delay(1_000, Cancel);
        stream.IsCompleted.ShouldBeFalse();
        (await Stage.Master.DeleteAsync($"/v1/auth/tokens/{made.Text("id")}")).ShouldBe(200);
        await stream.WaitAsync(TimeSpan.FromSeconds(5), Cancel);
    }

    [Fact]
    public async Task What_is_taken_from_the_person_is_gone_from_the_key_at_once_and_comes_back_with_it()
    {
        var ada = await Stage.PersonAsync("member");
        var member = $"/v1/members/{await MembershipAsync(ada)}";
        var key = Stage.Caller((await MakeAsync(ada, new { permissions = new[] { "models:invoke", "crews:read", "transcripts:read", "knowledge:write" } })).ShouldBe(201).Text("key"));
        (await RightsAsync(key)).ShouldBe(["crews:read", "knowledge:write", "models:invoke", "transcripts:read"]);

        (await Stage.Account.PatchAsync(member, new { role = "viewer" })).ShouldBe(200);
        (await RightsAsync(key)).ShouldBe(["crews:read"]);
        (await key.PostAsync("/v1/chat/completions", Hello)).ShouldBe(403);
        (await Stage.Account.PatchAsync(member, new { role = "member", content_access = false })).ShouldBe(200);
        (await RightsAsync(key)).ShouldBe(["crews:read", "knowledge:write", "models:invoke"]);
        (await Stage.Account.PatchAsync(member, new { environments = new[] { "development" } })).ShouldBe(200);
        (await key.GetAsync("/v1/crews")).ShouldBe(200).Data.EnumerateArray().ShouldAllBe(c => c.GetProperty("environment").GetString() == "development");
        (await key.GetAsync($"/v1/crews/{Stage.Home.Crews.Production}")).ShouldBe(404, "not_found");
        (await key.GetAsync("/v1/me", ("X-Crew-Id", Stage.Home.Crews.Production))).ShouldBe(404, "not_found");
        (await key.PostAsync("/v1/chat/completions", Hello)).ShouldBe(200).Header("X-Crew-Sandbox").ShouldBe("true");

        (await Stage.Account.PatchAsync(member, new { environments = new[] { "development", "staging", "production" }, content_access = true })).ShouldBe(200);
        (await key.GetAsync($"/v1/crews/{Stage.Home.Crews.Production}")).ShouldBe(200);
        (await RightsAsync(key)).ShouldContain("transcripts:read");
    }

    [Fact]
    public async Task A_member_sees_changes_rolls_and_revokes_only_their_own_keys()
    {
        var (ada, bob) = (await Stage.PersonAsync("member"), await Stage.PersonAsync("member"));
        var made = (await MakeAsync(ada)).ShouldBe(201);
        var path = $"/v1/api-keys/{made.Text("id")}";
        var service = $"/v1/api-keys/{(await Stage.KeyAsync()).Id}";
        foreach (var foreign in new[] { path, service })
        {
            (await bob.GetAsync(foreign)).ShouldBe(404, "not_found");
            (await bob.GetAsync($"{foreign}/usage")).ShouldBe(404, "not_found");
            (await bob.GetAsync($"{foreign}/tree")).ShouldBe(404, "not_found");
            (await bob.PatchAsync(foreign, new { name = "x" })).ShouldBe(404, "not_found");
            (await bob.PostAsync($"{foreign}/roll")).ShouldBe(404, "not_found");
            (await bob.DeleteAsync(foreign)).ShouldBe(404, "not_found");
        }

        (await bob.GetAsync("/v1/api-keys")).ShouldBe(200).Data.GetArrayLength().ShouldBe(0);
        (await ada.GetAsync("/v1/api-keys")).ShouldBe(200).Data.GetArrayLength().ShouldBe(1);
        (await ada.PatchAsync(path, new { name = "mine" })).ShouldBe(200).Text("name").ShouldBe("mine");
        var rolled = (await ada.PostAsync($"{path}/roll", new { overlap_seconds = 60 })).ShouldBe(201);
        (rolled.Text("kind"), rolled.Text("user_id"), rolled.Text("lineage_id")).ShouldBe(("user", ada.UserId, made.Text("lineage_id")));
        (await ada.GetAsync($"{path}/usage")).ShouldBe(200);
        (await ada.DeleteAsync($"/v1/api-keys/{rolled.Text("id")}")).ShouldBe(200).Text("status").ShouldBe("revoked");
    }

    [Fact]
    public async Task Owners_and_Admins_see_and_revoke_a_members_key_and_never_come_by_its_text()
    {
        var (ada, admin) = (await Stage.PersonAsync("member"), await Stage.PersonAsync("admin"));
        var made = (await MakeAsync(ada)).ShouldBe(201);
        var path = $"/v1/api-keys/{made.Text("id")}";
        (await admin.GetAsync(path)).ShouldBe(200).Text("user_id").ShouldBe(ada.UserId);
        foreach (var refused in new[] { await admin.PostAsync($"{path}/roll"), await Stage.Account.PostAsync($"{path}/roll"), await admin.PatchAsync(path, new { name = "x" }) })
        {
            refused.ShouldBe(403, "insufficient_permissions").Error.GetProperty("message").GetString()!.ShouldContain("another person");
        }

        (await admin.DeleteAsync(path)).ShouldBe(200);
        (await Stage.Caller(made.Text("key")).GetAsync("/v1/me")).ShouldBe(401, "expired_api_key");
    }

    [Fact]
    public async Task Nobody_gives_a_key_more_than_they_have()
    {
        var ada = await Stage.PersonAsync("member");
        foreach (var beyond in new[] { "members:write", "api_keys:write", "audit:read", "*:read", "*:write", "organization:read", "tokens:create" })
        {
            (await MakeAsync(ada, new { permissions = new[] { beyond } })).ShouldBe(403, "insufficient_permissions");
        }

        (await MakeAsync(ada, new { permissions = new[] { "*" } })).ShouldBe(403, "insufficient_permissions");
        (await MakeAsync(ada, new { kind = "service" })).ShouldBe(403, "insufficient_permissions").Error.GetProperty("details").GetProperty("required").GetString().ShouldBe("api_keys:write");
        (await MakeAsync(ada, new { kind = "master", permissions = new[] { "*" } })).ShouldBe(403, "insufficient_permissions");
        (await MakeAsync(ada, new { parent_id = (await Stage.KeyAsync()).Id })).ShouldBe(404, "not_found");
        var viewer = await Stage.PersonAsync("viewer");
        (await MakeAsync(viewer)).ShouldBe(403, "insufficient_permissions");

        var narrowed = await Stage.PersonAsync("member", ["development"]);
        (await MakeAsync(narrowed)).ShouldBe(403, "insufficient_permissions");
        (await MakeAsync(narrowed, new { environment = "production" })).ShouldBe(403, "insufficient_permissions");
        (await MakeAsync(narrowed, new { crew_id = Stage.Home.Crews.Production })).ShouldBe(404, "not_found");
        var bound = (await MakeAsync(narrowed, new { environment = "development" })).ShouldBe(201);
        (await narrowed.GetAsync($"/v1/api-keys/{bound.Text("id")}")).ShouldBe(200);
        (await narrowed.DeleteAsync($"/v1/api-keys/{bound.Text("id")}")).ShouldBe(200);
    }

    [Fact]
    public async Task A_members_key_makes_keys_of_the_same_person_within_itself_and_below_it_nothing_else()
    {
        var ada = await Stage.PersonAsync("member");
        var first = (await MakeAsync(ada, new { permissions = new[] { "api_keys:self", "models:invoke" }, expires_at = "2099-01-01T00:00:00Z" })).ShouldBe(201);
        var key = Stage.Caller(first.Text("key"));
        object Draft(object more) => Merge(new { name = "second", mode = "live", permissions = new[] { "models:invoke" }, expires_at = "2098-01-01T00:00:00Z" }, more);
        (await key.PostAsync("/v1/api-keys", Draft(new { permissions = new[] { "crews:read" } }))).ShouldBe(403, "insufficient_permissions");
        (await key.PostAsync("/v1/api-keys", Draft(new { expires_at = "2099-01-02T00:00:00Z" }))).ShouldBe(403, "insufficient_permissions");
        var child = (await key.PostAsync("/v1/api-keys", Draft(new { parent_id = first.Text("id") }))).ShouldBe(201);
        child.Text("user_id").ShouldBe(ada.UserId);
        (await Stage.Master.PostAsync("/v1/api-keys", new { name = "a", mode = "live", permissions = new[] { "models:invoke" }, parent_id = first.Text("id"), expires_at = "2098-01-01T00:00:00Z" }))
            .ShouldBe(400, "invalid_request");
        (await ada.DeleteAsync($"/v1/api-keys/{first.Text("id")}")).ShouldBe(200);
        (await Stage.Caller(child.Text("key")).GetAsync("/v1/me")).ShouldBe(401, "expired_api_key");
    }

    [Fact]
    public async Task A_key_that_follows_an_Owner_is_no_Owner_and_mints_tokens_for_that_person_only()
    {
        var owner = await Stage.PersonAsync("owner");
        var made = (await MakeAsync(owner, new { kind = "user", permissions = new[] { "*:read", "*:write", "tokens:create" } })).ShouldBe(201);
        var key = Stage.Caller(made.Text("key"));
        (await key.PatchAsync($"/v1/members/{await MembershipAsync(await Stage.PersonAsync("admin"))}", new { role = "viewer" })).ShouldBe(403, "insufficient_permissions");
        (await key.PostAsync("/v1/invitations", new { email = "x@example.com", role = "owner" })).ShouldBe(403, "insufficient_permissions");
        (await key.PostAsync($"/v1/workspaces/{Stage.Home.WorkspaceId}/lockdown")).ShouldBe(403, "insufficient_permissions");
        (await key.PostAsync("/v1/auth/tokens", new { subject = "somebody", permissions = new[] { "crews:read" } })).ShouldBe(403, "insufficient_permissions");
        (await key.PostAsync("/v1/auth/tokens", new { user_id = owner.UserId, permissions = new[] { "crews:read" } })).ShouldBe(201);
    }

    [Fact]
    public async Task An_Owners_session_makes_masters_and_an_org_owners_alone_account_masters()
    {
        var (owner, admin) = (await Stage.PersonAsync("owner"), await Stage.PersonAsync("admin"));
        object Master(object more) => Merge(new { name = "master", kind = "master", mode = "live", permissions = new[] { "*" } }, more);
        var made = (await owner.PostAsync("/v1/api-keys", Master(new { }))).ShouldBe(201);
        (made.Text("kind"), made.Data.GetProperty("account").GetBoolean()).ShouldBe(("master", false));
        (await Stage.Caller(made.Text("key")).GetAsync("/v1/me")).ShouldBe(200).Data.GetProperty("permissions").EnumerateArray().Select(p => p.GetString()).ShouldContain("billing:write");
        (await owner.PostAsync("/v1/api-keys", Master(new { account = true }))).ShouldBe(403, "insufficient_permissions");
        (await admin.PostAsync("/v1/api-keys", Master(new { }))).ShouldBe(403, "insufficient_permissions");
        (await admin.PostAsync($"/v1/api-keys/{made.Text("id")}/roll")).ShouldBe(403, "insufficient_permissions");
        (await owner.PostAsync("/v1/api-keys", Master(new { permissions = new[] { "*:read" } }))).ShouldBe(400, "invalid_request");
        (await owner.PostAsync("/v1/api-keys", Master(new { parent_id = made.Text("id") }))).ShouldBe(400, "invalid_request");
        (await owner.PostAsync("/v1/api-keys", new { name = "a", mode = "live", permissions = new[] { "crews:read" }, account = true })).ShouldBe(400, "invalid_request");

        var (above, _, home) = await Stage.OrganizationAsync();
        var account = (await above.PostAsync("/v1/api-keys", Master(new { account = true }))).ShouldBe(201);
        var reach = (await Stage.Caller(account.Text("key")).GetAsync("/v1/me")).ShouldBe(200);
        (reach.Text("organization_id"), reach.Data.GetProperty("organization_permissions").GetArrayLength() > 0).ShouldBe((home.OrganizationId, true));
    }

    [Fact]
    public async Task A_persons_budget_refuses_what_any_of_their_keys_and_tokens_would_spend_beyond_it()
    {
        var ada = await Stage.PersonAsync("member");
        var keys = new List<ApiCaller>();
        for (var n = 0; n < 2; n++)
        {
            keys.Add(Stage.Caller((await MakeAsync(ada, new { permissions = new[] { "models:invoke" } })).ShouldBe(201).Text("key")));
        }

        keys.Add(await TokenAsync(ada, "models:invoke"));
        foreach (var key in keys)
        {
            (await key.PostAsync("/v1/chat/completions", Hello)).ShouldBe(200);
        }

        (await Stage.Master.PostAsync("/v1/budgets", new { scope = $"user:{ada.UserId}", amount_usd = "0.000000001", window = "month", mode = "strict" })).ShouldBe(201);
        foreach (var key in keys)
        {
            (await key.PostAsync("/v1/chat/completions", Hello)).ShouldBe(402, "insufficient_quota");
        }

        (await MakeAsync(ada, new { permissions = new[] { "models:invoke" } })).ShouldBe(201);
    }

    private Task<string> MembershipAsync(Persona person) => StagePeople.MembershipAsync(path => Stage.Account.GetAsync(path), person);

    private static async Task<string?[]> RightsAsync(ApiCaller key) =>
        [.. (await key.GetAsync("/v1/me")).ShouldBe(200).Data.GetProperty("permissions").EnumerateArray().Select(p => p.GetString()).Order(StringComparer.Ordinal)];

    private static Task<ApiAnswer> MakeAsync(Persona person, object? fields = null)
    {
        var body = Merge(new { name = "my own", permissions = new[] { "models:invoke" } }, fields ?? new { });
        if (!body.Keys.Any(k => k is "mode" or "environment" or "crew_id"))
        {
            body["mode"] = "live";
        }

        return person.PostAsync("/v1/api-keys", body);
    }

    private async Task<ApiAnswer> MintAsync(Persona person, params string[] permissions)
    {
        var issuer = await Stage.KeyAsync(new { permissions = permissions.Append("tokens:create") });
        return (await issuer.Caller.PostAsync("/v1/auth/tokens", new { user_id = person.UserId, permissions })).ShouldBe(201);
    }

    private async Task<ApiCaller> TokenAsync(Persona person, params string[] permissions) => Stage.Caller((await MintAsync(person, permissions)).Text("access_token"));

    /// <summary>A stream of a minute, which ends when it is cut, however that looks.</summary>
    private static async Task StreamAsync(ApiCaller caller)
    {
        try
        {
            await caller.PostAsync("/v1/chat/completions", new
            {
                model = "crew-sandbox-script",
                stream = true,
                messages = new[] { new { role = "user", content = "[[tokens=600 delay_ms=100]]" } },
            });
        }
        catch (Exception error) when (error is HttpRequestException or IOException)
        {
            // The connection was broken off in the middle of the body.
        }
    }

    private static Dictionary<string, object?> Merge(params object[] parts)
    {
        var all = new Dictionary<string, object?>();
        foreach (var field in parts.SelectMany(p => JsonSerializer.SerializeToElement(p).EnumerateObject()))
        {
            all[field.Name] = field.Value;
        }

        return all;
    }
}
