using System.Net.Http.Json;
using System.Text.Json;
using Crew.Testing;

namespace Crew.Identity.Tests;

/// <summary>Inviting without a mail server: the link is handed over, and verifies nothing.</summary>
public sealed class InvitationTests(PeopleServer people)
{
    [Fact]
    public async Task A_person_joins_by_a_link_once_and_is_gone_at_once_when_removed()
    {
        var (_, owner) = await people.SignedInAsync();
        var (email, path) = await InviteAsync(owner, "member");
        using var guest = people.Visitor();
        (await guest.GetAsync(path)).Text.ShouldContain(email);
        (await guest.SubmitAsync(path, ("name", "Ada"), ("password", PeopleServer.Password))).Location.ShouldBe("/account");
        var me = await PeopleServer.DataAsync(guest.GetAsync("/v1/me"));
        me.GetProperty("role").GetString().ShouldBe("member");
        me.GetProperty("permissions").EnumerateArray().Select(p => p.GetString()).ShouldNotContain("members:write");

        using var second = people.Visitor();
        (await second.GetAsync(path)).Status.ShouldBe(404, "an invitation is good once");
        (await second.SubmitAsync(path, ("password", PeopleServer.Password))).Status.ShouldBe(404);

        var member = (await PeopleServer.DataAsync(owner.GetAsync("/v1/members"))).EnumerateArray().Single(m => m.GetProperty("email").GetString() == email);
        member.GetProperty("name").GetString().ShouldBe("Ada");
        member.GetProperty("email_verified").GetBoolean().ShouldBeFalse("the link was handed over");
        (await ChangeAsync(owner, HttpMethod.Delete, $"/v1/members/{member.GetProperty("id").GetString()}")).Status.ShouldBe(200);
        (await guest.GetAsync("/v1/me")).Status.ShouldBe(403);
        owner.Dispose();
    }

    [Fact]
    public async Task A_link_never_takes_or_joins_an_account_that_is_there_already()
    {
        var (email, known) = await people.SignedInAsync();
        var (_, owner) = await people.SignedInAsync();
        var (_, path) = await InviteAsync(owner, "admin", email);
        using var stranger = people.Visitor();
        (await stranger.GetAsync(path)).Text.ShouldContain("/sign-in?next=");
        (await stranger.SubmitAsync(path, ("password", "another seven grey owls"))).Status.ShouldBe(400);
        (await PeopleServer.SignInAsync(stranger, email, "another seven grey owls")).Status.ShouldBe(401);
        var refused = await known.SubmitAsync(path);
        refused.Status.ShouldBe(403, "an address that nobody has verified joins no other organization");
        (await PeopleServer.DataAsync(known.GetAsync("/v1/me"))).GetProperty("role").GetString().ShouldBe("owner");
        known.Dispose();
        owner.Dispose();
    }

    [Fact]
    public async Task A_revoked_invitation_and_one_of_a_removed_inviter_are_dead()
    {
        var (_, owner) = await people.SignedInAsync();
        var (adminEmail, adminPath) = await InviteAsync(owner, "admin");
        using var admin = people.Visitor();
        (await admin.SubmitAsync(adminPath, ("password", PeopleServer.Password))).Status.ShouldBe(302);
        var (_, path) = await InviteAsync(admin, "member");
        var (revokedEmail, revoked) = await InviteAsync(admin, "member");
        var id = (await PeopleServer.DataAsync(admin.GetAsync("/v1/invitations"))).EnumerateArray().Single(i => i.GetProperty("email").GetString() == revokedEmail).GetProperty("id").GetString();
        (await ChangeAsync(admin, HttpMethod.Delete, $"/v1/invitations/{id}")).Status.ShouldBe(200);
        using var guest = people.Visitor();
        (await guest.GetAsync(revoked)).Status.ShouldBe(404);
        (await guest.GetAsync(path)).Status.ShouldBe(200);
        var member = (await PeopleServer.DataAsync(owner.GetAsync("/v1/members"))).EnumerateArray().Single(m => m.GetProperty("email").GetString() == adminEmail);
        (await ChangeAsync(owner, HttpMethod.Delete, $"/v1/members/{member.GetProperty("id").GetString()}")).Status.ShouldBe(200);
        (await guest.GetAsync(path)).Status.ShouldBe(404);
        (await guest.SubmitAsync(path, ("password", PeopleServer.Password))).Status.ShouldBe(404);
        owner.Dispose();
    }

    [Fact]
    public async Task Nobody_gives_or_acts_on_a_role_above_their_own_and_the_last_Owner_stays()
    {
        var (_, owner) = await people.SignedInAsync();
        var (_, adminPath) = await InviteAsync(owner, "admin");
        using var admin = people.Visitor();
        (await admin.SubmitAsync(adminPath, ("password", PeopleServer.Password))).Status.ShouldBe(302);
        foreach (var role in new[] { "owner", "org_owner", "org_admin", "org_billing" })
        {
            (await ChangeAsync(admin, HttpMethod.Post, "/v1/invitations", new { email = "x@example.com", role })).Status.ShouldBe(403, role);
        }

        var members = (await PeopleServer.DataAsync(admin.GetAsync("/v1/members"))).EnumerateArray().ToList();
        string IdOf(string role) => members.Single(m => m.GetProperty("role").GetString() == role).GetProperty("id").GetString()!;
        (await ChangeAsync(admin, HttpMethod.Delete, $"/v1/members/{IdOf("owner")}")).Status.ShouldBe(403);
        (await ChangeAsync(admin, HttpMethod.Patch, $"/v1/members/{IdOf("owner")}", new { role = "viewer" })).Status.ShouldBe(403);
        (await ChangeAsync(admin, HttpMethod.Patch, $"/v1/members/{IdOf("admin")}", new { role = "owner" })).Status.ShouldBe(403);
        (await ChangeAsync(owner, HttpMethod.Delete, $"/v1/members/{IdOf("owner")}")).Status.ShouldBe(409);
        (await ChangeAsync(owner, HttpMethod.Patch, $"/v1/members/{IdOf("owner")}", new { role = "admin" })).Status.ShouldBe(409);
        (await ChangeAsync(owner, HttpMethod.Patch, $"/v1/members/{IdOf("admin")}", new { role = "viewer" })).Status.ShouldBe(200);
        (await ChangeAsync(admin, HttpMethod.Post, "/v1/invitations", new { email = "x@example.com", role = "viewer" })).Status.ShouldBe(403, "the change holds at once");
        owner.Dispose();
    }

    [Fact]
    public async Task A_narrowed_member_sees_only_the_environments_and_no_content()
    {
        var (_, owner) = await people.SignedInAsync();
        var (_, path) = await InviteAsync(owner, "admin", null, ["development"], false);
        using var guest = people.Visitor();
        (await guest.SubmitAsync(path, ("password", PeopleServer.Password))).Status.ShouldBe(302);
        var me = await PeopleServer.DataAsync(guest.GetAsync("/v1/me"));
        me.GetProperty("permissions").EnumerateArray().Select(p => p.GetString()).ShouldNotContain("transcripts:read");
        (await PeopleServer.DataAsync(guest.GetAsync("/v1/crews"))).EnumerateArray().Select(c => c.GetProperty("environment").GetString()).ShouldBe(["development"]);
        (await guest.GetAsync("/v1/members")).Status.ShouldBe(404);
        var key = new { name = "mine", mode = "live", permissions = new[] { "models:read" } };
        (await ChangeAsync(guest, HttpMethod.Post, "/v1/api-keys", key)).Status.ShouldBe(403);
        (await ChangeAsync(guest, HttpMethod.Post, "/v1/api-keys", new { name = "mine", environment = "production", permissions = new[] { "models:read" } })).Status.ShouldBe(403);
        (await ChangeAsync(guest, HttpMethod.Post, "/v1/api-keys", new { name = "mine", environment = "development", permissions = new[] { "transcripts:read" } })).Status.ShouldBe(403);
        (await ChangeAsync(guest, HttpMethod.Post, "/v1/api-keys", new { name = "mine", environment = "development", permissions = new[] { "models:read" } })).Status.ShouldBe(201);
        owner.Dispose();
    }

    private static async Task<(string Email, string Path)> InviteAsync(WebVisitor by, string role, string? email = null, string[]? environments = null, bool content = true)
    {
        email ??= $"g{Random.Shared.NextInt64():x}@example.com";
        var made = await ChangeAsync(by, HttpMethod.Post, "/v1/invitations", new { email, role, environments, content_access = content });
        made.Status.ShouldBe(201, made.Text);
        return (email, new Uri(JsonDocument.Parse(made.Text).RootElement.GetProperty("data").GetProperty("link").GetString()!).AbsolutePath);
    }

    internal static Task<WebPage> ChangeAsync(WebVisitor by, HttpMethod method, string path, object? body = null) =>
        by.SendAsync(method, path, body is null ? null : JsonContent.Create(body), ("Sec-Fetch-Site", "same-origin"));
}
