using System.Text.Json;
using Crew.Testing;

namespace Crew.Api.Tests;

public sealed class SqliteSessionTests(SqliteStage stage) : SessionTests(stage);

public sealed class PostgresSessionTests(PostgresStage stage) : SessionTests(stage);

/// <summary>People at the API, by the cookie of their session.</summary>
public abstract class SessionTests(ApiStage stage) : ApiTests(stage)
{
    private const string Password = "seven grey owls at dusk";

    [Fact]
    public async Task A_session_is_a_caller_with_the_rights_of_the_person_and_is_listed_and_revoked()
    {
        var (email, browser) = await OwnerAsync();
        var me = await browser.GetAsync("/v1/me");
        me.ShouldBe(200);
        me.Data.GetProperty("principal").GetProperty("type").GetString().ShouldBe("user");
        me.Data.GetProperty("permissions").EnumerateArray().Select(p => p.GetString()).ShouldContain("billing:write");
        me.Data.GetProperty("organization_permissions").EnumerateArray().Select(p => p.GetString()).ShouldContain("workspaces:write");

        var second = Caller(await SignInAsync(email));
        var listed = (await second.GetAsync("/v1/sessions")).ShouldBe(200).Data;
        listed.GetArrayLength().ShouldBe(2);
        var first = listed.EnumerateArray().Single(s => !s.GetProperty("is_current").GetBoolean()).GetProperty("id").GetString();
        (await second.DeleteAsync($"/v1/sessions/{first}", SameOrigin)).ShouldBe(200);
        (await browser.GetAsync("/v1/me")).ShouldBe(401, "session_ended");
        (await second.DeleteAsync($"/v1/sessions/{first}", SameOrigin)).ShouldBe(404, "not_found");
        (await second.GetAsync("/v1/audit-logs?event_type=session.revoked")).ShouldBe(200).Data.GetArrayLength().ShouldBe(1);
        (await second.GetAsync("/v1/audit-logs?event_type=auth.login.success")).ShouldBe(200).Data.GetArrayLength().ShouldBe(2);
    }

    [Fact]
    public async Task A_session_of_another_organization_is_neither_seen_nor_revoked()
    {
        var (_, owls) = await OwnerAsync();
        var (_, bears) = await OwnerAsync();
        var id = (await owls.GetAsync("/v1/sessions")).ShouldBe(200).Data[0].GetProperty("id").GetString();
        (await bears.GetAsync("/v1/sessions")).ShouldBe(200).Body.ShouldNotContain(id!);
        (await bears.DeleteAsync($"/v1/sessions/{id}", SameOrigin)).ShouldBe(404, "not_found");
        (await Stage.Master.DeleteAsync($"/v1/sessions/{id}")).ShouldBe(404, "not_found");
        (await owls.GetAsync("/v1/me")).ShouldBe(200);
    }

    [Fact]
    public async Task A_token_of_a_person_neither_sees_where_they_are_signed_in_nor_signs_them_out()
    {
        var (_, owner) = await OwnerAsync();
        var me = (await owner.GetAsync("/v1/me")).ShouldBe(200).Data.GetProperty("principal").GetProperty("id").GetString();
        var made = (await owner.PostAsync("/v1/api-keys", new { name = "minter", mode = "live", permissions = new[] { "tokens:create", "models:invoke", "sessions:write" } }, SameOrigin))
            .ShouldBe(201);
        var minter = Stage.Caller(made.Text("key"));
        var id = (await owner.GetAsync("/v1/sessions")).ShouldBe(200).Data[0].GetProperty("id").GetString();
        foreach (var rights in new[] { "models:invoke", "sessions:write" })
        {
            var token = (await minter.PostAsync("/v1/auth/tokens", new { user_id = me, permissions = new[] { rights } })).ShouldBe(201).Text("access_token");
            var person = Stage.Caller(token);
            (await person.GetAsync("/v1/sessions")).ShouldBe(200).Data.GetArrayLength().ShouldBe(0);
            (await person.DeleteAsync($"/v1/sessions/{id}")).Status.ShouldBe(rights == "sessions:write" ? 403 : 404, "whoever minted it is not the Owner");
        }

        (await owner.GetAsync("/v1/me")).ShouldBe(200);
    }

    [Fact]
    public async Task A_person_with_several_workspaces_names_one_and_none_of_others()
    {
        var (_, browser) = await OwnerAsync();
        var made = (await browser.PostAsync("/v1/workspaces", new { name = "a second one" }, SameOrigin)).ShouldBe(201).Text("id");
        var refused = (await browser.GetAsync("/v1/me")).ShouldBe(400, "workspace_required");
        refused.Error.GetProperty("details").GetProperty("workspaces").EnumerateArray().Select(w => w.GetString()).ShouldContain(made);
        (await browser.GetAsync("/v1/me", ("X-Crew-Workspace", made))).ShouldBe(200).Text("workspace_id").ShouldBe(made);
        (await browser.GetAsync("/v1/me", ("X-Crew-Workspace", Stage.Home.WorkspaceId))).ShouldBe(404, "not_found");
    }

    [Fact]
    public async Task An_invitation_is_made_read_taken_back_and_accepted_and_the_member_is_read_changed_and_removed()
    {
        var email = $"g{Random.Shared.NextInt64():x}@example.com";
        var first = (await Stage.Master.PostAsync("/v1/invitations", new { email, role = "member" })).ShouldBe(201);
        var path = $"/v1/invitations/{first.Text("id")}";
        (await Stage.Master.GetAsync(path)).ShouldBe(200).Text("status").ShouldBe("open");
        (await Stage.Master.GetAsync("/v1/invitations?limit=100")).ShouldBe(200).Body.ShouldContain(email);
        (await Stage.Master.DeleteAsync(path)).ShouldBe(200).Text("status").ShouldBe("revoked");
        using var browser = new WebVisitor(Stage.Server.Address, Stage.NewAddress());
        (await browser.GetAsync(new Uri(first.Text("link")).AbsolutePath)).Status.ShouldBe(404);

        var second = (await Stage.Master.PostAsync("/v1/invitations", new { email, role = "member" })).ShouldBe(201).Text("link");
        (await browser.SubmitAsync(new Uri(second).AbsolutePath, ("password", Password))).Location.ShouldBe("/account");
        var guest = Caller(browser.Session!);
        var member = (await Stage.Master.GetAsync("/v1/members?limit=100")).ShouldBe(200).Data.EnumerateArray()
            .Single(m => m.GetProperty("email").GetString() == email).GetProperty("id").GetString();
        (await Stage.Master.GetAsync($"/v1/members/{member}")).ShouldBe(200).Text("role").ShouldBe("member");
        (await Stage.Master.PatchAsync($"/v1/members/{member}", new { role = "king" })).ShouldBe(400, "invalid_request");
        (await Stage.Master.PatchAsync($"/v1/members/{member}", new { role = "owner" })).ShouldBe(403, "insufficient_permissions");
        (await guest.GetAsync("/v1/me")).ShouldBe(200).Body.ShouldContain("knowledge:write");
        (await Stage.Master.PatchAsync($"/v1/members/{member}", new { role = "viewer" })).ShouldBe(200).Text("role").ShouldBe("viewer");
        (await guest.GetAsync("/v1/me")).ShouldBe(200).Body.ShouldNotContain("knowledge:write");
        (await Stage.Master.PostAsync($"/v1/members/{member}/reset-factors")).ShouldBe(403, "session_required");
        (await Stage.Master.DeleteAsync($"/v1/members/{member}")).ShouldBe(200);
        (await guest.GetAsync("/v1/me")).ShouldBe(403, "no_workspace");
        (await Stage.Account.GetAsync("/v1/members?of=organization")).ShouldBe(200).Data[0].GetProperty("role").GetString().ShouldBe("org_owner");
        (await Stage.Master.GetAsync("/v1/members?of=organization")).ShouldBe(200).Data.GetArrayLength().ShouldBe(0);
    }

    [Fact]
    public async Task A_cookie_beside_a_key_is_two_credentials_and_garbage_is_none()
    {
        var cookie = (await SignedInAsync()).Session;
        (await Stage.Master.GetAsync("/v1/me", ("Cookie", $"crew_session={cookie}"))).ShouldBe(400, "ambiguous_credentials");
        foreach (var garbage in new[] { "x", cookie![..^1], cookie + "A", new string('A', cookie.Length), "%00", "💥" })
        {
            (await Stage.Caller(null).GetAsync("/v1/me", ("Cookie", $"crew_session={Uri.EscapeDataString(garbage)}"))).ShouldBe(401, "session_ended");
        }
    }

    private static (string, string) SameOrigin => ("Sec-Fetch-Site", "same-origin");

    private async Task<(string Email, PersonCaller Browser)> OwnerAsync()
    {
        var (email, cookie) = await SignedInAsync();
        return (email, Caller(cookie));
    }

    private PersonCaller Caller(string cookie) => new(Stage.Caller(null), cookie);

    private async Task<(string Email, string Session)> SignedInAsync()
    {
        var email = $"p{Random.Shared.NextInt64():x}@example.com";
        var command = await Stage.Server.CommandAsync("orgs", "create", "--name", "Owls", "--email", email, "--data", Stage.Server.DataFolder, "--json");
        command.ExitCode.ShouldBe(0, command.Error);
        using var made = JsonDocument.Parse(command.Output);
        using var browser = new WebVisitor(Stage.Server.Address, Stage.NewAddress());
        var path = new Uri(made.RootElement.GetProperty("owner").GetProperty("sign_in_url").GetString()!).AbsolutePath;
        (await browser.SubmitAsync(path, ("password", Password))).Status.ShouldBe(302);
        return (email, browser.Session!);
    }

    private async Task<string> SignInAsync(string email)
    {
        using var browser = new WebVisitor(Stage.Server.Address, Stage.NewAddress());
        (await browser.SubmitAsync("/sign-in", ("email", email), ("password", Password))).Status.ShouldBe(302);
        return browser.Session!;
    }
}

/// <summary>A client of the API that comes by the cookie of a session.</summary>
public sealed class PersonCaller(ApiCaller caller, string cookie)
{
    private (string, string) Cookie => ("Cookie", $"crew_session={cookie}");

    public Task<ApiAnswer> GetAsync(string path, params (string Name, string Value)[] headers) => caller.GetAsync(path, [Cookie, .. headers]);

    public Task<ApiAnswer> PostAsync(string path, object? body, params (string Name, string Value)[] headers) => caller.PostAsync(path, body, [Cookie, .. headers]);

    public Task<ApiAnswer> PatchAsync(string path, object body, params (string Name, string Value)[] headers) => caller.PatchAsync(path, body, [Cookie, .. headers]);

    public Task<ApiAnswer> DeleteAsync(string path, params (string Name, string Value)[] headers) => caller.DeleteAsync(path, [Cookie, .. headers]);
}
