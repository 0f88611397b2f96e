namespace Crew.Api.Tests;

public sealed class SqliteLockdownTests(SqliteStage stage) : LockdownTests(stage);

public sealed class PostgresLockdownTests(PostgresStage stage) : LockdownTests(stage);

/// <summary>The red button puts everybody and everything but the caller out of a workspace, in one transaction.</summary>
public abstract class LockdownTests(ApiStage stage) : ApiTests(stage)
{
    [Fact]
    public async Task Every_key_token_and_session_but_the_callers_ends_and_again_nothing_does()
    {
        var (owner, account, home) = await Stage.OrganizationAsync();
        var path = $"/v1/workspaces/{home.WorkspaceId}/lockdown";
        var member = await Stage.PersonAsync("member", by: (route, body) => account.PostAsync(route, body));
        var second = await Stage.AgainAsync(owner);
        var own = Stage.Caller((await member.PostAsync("/v1/api-keys", new { name = "own", mode = "live", permissions = new[] { "models:invoke" } })).ShouldBe(201).Text("key"));
        var issuer = Stage.Caller((await account.PostAsync("/v1/api-keys", new { name = "i", mode = "live", permissions = new[] { "tokens:create", "crews:read", "workspace:write" } }))
            .ShouldBe(201).Text("key"));
        var minted = (await issuer.PostAsync("/v1/auth/tokens", new { subject = "a", permissions = new[] { "crews:read" } })).ShouldBe(201);
        var token = Stage.Caller(minted.Text("access_token"));
        (await token.GetAsync("/v1/crews")).ShouldBe(200);
        (await issuer.PostAsync(path)).ShouldBe(403, "insufficient_permissions");
        (await member.PostAsync(path)).ShouldBe(403, "insufficient_permissions");

        var offer = (await owner.PostAsync("/v1/invitations", new { email = "thief@example.com", role = "admin" })).ShouldBe(201).Text("id");

        var done = (await owner.PostAsync(path)).ShouldBe(200);
        done.Data.GetProperty("invitations_revoked").GetInt32().ShouldBe(1);
        (await owner.GetAsync($"/v1/invitations/{offer}")).ShouldBe(200).Text("status").ShouldBe("revoked");
        Counts(done).ShouldBe((4, 1, 2));
        (await account.GetAsync("/v1/me")).ShouldBe(401, "expired_api_key");
        (await own.GetAsync("/v1/me")).ShouldBe(401, "expired_api_key");
        (await issuer.GetAsync("/v1/me")).ShouldBe(401, "expired_api_key");
        (await token.GetAsync("/v1/crews")).ShouldBe(401, "invalid_token");
        (await Stage.Caller(null).PostAsync("/v1/auth/tokens/refresh", new { refresh_token = minted.Text("refresh_token") })).ShouldBe(401, "invalid_token");
        (await member.GetAsync("/v1/me")).ShouldBe(401, "session_ended");
        (await second.GetAsync("/v1/me")).ShouldBe(401, "session_ended");

        Counts((await owner.PostAsync(path)).ShouldBe(200)).ShouldBe((0, 0, 0));
        var records = (await owner.GetAsync("/v1/audit-logs?event_type=workspace.locked_down")).ShouldBe(200).Data;
        records.GetArrayLength().ShouldBe(2);
        records.GetRawText().ShouldContain("keys_revoked");
        (await owner.GetAsync("/v1/audit-logs?event_type=api_key.revoked")).ShouldBe(200).Data.GetArrayLength().ShouldBe(4);
    }

    [Fact]
    public async Task An_account_master_stays_while_it_locks_and_says_which_others_still_reach_in()
    {
        var (owner, account, home) = await Stage.OrganizationAsync();
        var second = (await account.PostAsync("/v1/workspaces", new { name = "second" })).ShouldBe(201).Text("id");
        var service = Stage.Caller((await account.PostAsync("/v1/api-keys", new { name = "s", mode = "live", permissions = new[] { "crews:read" } }, ("X-Crew-Workspace", second)))
            .ShouldBe(201).Text("key"));
        var locked = (await account.PostAsync($"/v1/workspaces/{second}/lockdown")).ShouldBe(200);
        locked.Data.GetProperty("account_masters_elsewhere").GetInt32().ShouldBe(1);
        locked.Data.GetProperty("keys_revoked").GetInt32().ShouldBe(1);
        (await account.GetAsync("/v1/me")).ShouldBe(200);
        (await service.GetAsync("/v1/me")).ShouldBe(401, "expired_api_key");
        (await owner.GetAsync("/v1/me", ("X-Crew-Workspace", home.WorkspaceId))).ShouldBe(401, "session_ended");
        (await account.PostAsync($"/v1/workspaces/{Stage.Home.WorkspaceId}/lockdown")).ShouldBe(404, "not_found");
    }

    private static (int Keys, int Tokens, int Sessions) Counts(ApiAnswer answer)
    {
        int Of(string name) => answer.Data.GetProperty(name).GetInt32();
        return (Of("keys_revoked"), Of("tokens_revoked"), Of("sessions_ended"));
    }
}
