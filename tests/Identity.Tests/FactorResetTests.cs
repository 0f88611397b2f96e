using System.Text.Json;
using Crew.Testing;

namespace Crew.Identity.Tests;

/// <summary>Somebody who has lost every second factor: the way back is no side door.</summary>
public sealed class FactorResetTests(PeopleServer people)
{
    [Fact]
    public async Task An_Owner_takes_lost_factors_away_and_the_password_is_asked_for_as_ever()
    {
        var (_, owner) = await people.SignedInAsync();
        var (email, guest, member) = await JoinAsync(owner, "admin");
        using var key = await PasskeyAsync(people.Server, guest);
        (await PeopleServer.SignInAsync(people.Visitor(), email)).Location!.ShouldStartWith("/sign-in/factor");
        var done = await InvitationTests.ChangeAsync(owner, HttpMethod.Post, $"/v1/members/{member}/reset-factors");
        done.Status.ShouldBe(200, done.Text);
        (await guest.GetAsync("/v1/me")).Status.ShouldBe(401, "all sessions have ended");
        using var back = people.Visitor();
        (await PeopleServer.SignInAsync(back, email, "not the right password")).Status.ShouldBe(401);
        (await PeopleServer.SignInAsync(back, email)).Location.ShouldBe("/account");
        (await PeopleServer.DataAsync(back.GetAsync("/v1/passkeys"))).GetArrayLength().ShouldBe(0);
        var told = await PeopleServer.DataAsync(owner.GetAsync("/v1/audit-logs?event_type=auth.mfa.disabled"));
        told[0].GetProperty("reason").GetString().ShouldBe("reset_by_admin");
        owner.Dispose();
        guest.Dispose();
    }

    [Fact]
    public async Task Nobody_resets_factors_above_themselves_their_own_or_of_who_has_a_role_elsewhere()
    {
        var (_, owner) = await people.SignedInAsync();
        var (adminEmail, admin, adminId) = await JoinAsync(owner, "admin");
        var members = (await PeopleServer.DataAsync(owner.GetAsync("/v1/members"))).EnumerateArray().ToList();
        var ownerId = members.Single(m => m.GetProperty("role").GetString() == "owner").GetProperty("id").GetString();
        (await InvitationTests.ChangeAsync(admin, HttpMethod.Post, $"/v1/members/{ownerId}/reset-factors")).Status.ShouldBe(403);
        (await InvitationTests.ChangeAsync(admin, HttpMethod.Post, $"/v1/members/{adminId}/reset-factors")).Status.ShouldBe(409);
        (await InvitationTests.ChangeAsync(owner, HttpMethod.Post, $"/v1/members/{ownerId}/reset-factors")).Status.ShouldBe(409);

        var (viewerEmail, viewer, _) = await JoinAsync(owner, "viewer");
        viewerEmail.ShouldNotBe(adminEmail);
        (await InvitationTests.ChangeAsync(viewer, HttpMethod.Post, $"/v1/members/{adminId}/reset-factors")).Status.ShouldBe(403);
        var (_, foreign) = await people.SignedInAsync();
        (await InvitationTests.ChangeAsync(foreign, HttpMethod.Post, $"/v1/members/{adminId}/reset-factors")).Status.ShouldBe(404);
        foreach (var browser in new[] { owner, admin, viewer, foreign })
        {
            browser.Dispose();
        }
    }

    private async Task<(string Email, WebVisitor Browser, string MemberId)> JoinAsync(WebVisitor owner, string role)
    {
        var email = $"g{Random.Shared.NextInt64():x}@example.com";
        var made = await InvitationTests.ChangeAsync(owner, HttpMethod.Post, "/v1/invitations", new { email, role });
        made.Status.ShouldBe(201, made.Text);
        var browser = people.Visitor();
        var link = JsonDocument.Parse(made.Text).RootElement.GetProperty("data").GetProperty("link").GetString()!;
        (await browser.SubmitAsync(new Uri(link).AbsolutePath, ("password", PeopleServer.Password))).Status.ShouldBe(302);
        var member = (await PeopleServer.DataAsync(owner.GetAsync("/v1/members"))).EnumerateArray().Single(m => m.GetProperty("email").GetString() == email);
        return (email, browser, member.GetProperty("id").GetString()!);
    }

    /// <summary>Adds a passkey to the account that a browser is signed in to.</summary>
    internal static async Task<SoftAuthenticator> PasskeyAsync(CrewServer server, WebVisitor browser)
    {
        var key = new SoftAuthenticator { Origin = server.PublicAddress.GetLeftPart(UriPartial.Authority) };
        var asked = await InvitationTests.ChangeAsync(browser, HttpMethod.Post, "/v1/passkeys/options");
        var data = JsonDocument.Parse(asked.Text).RootElement.GetProperty("data");
        var credential = JsonDocument.Parse(key.Create(data.GetProperty("public_key"))).RootElement;
        (await InvitationTests.ChangeAsync(browser, HttpMethod.Post, "/v1/passkeys", new { name = "k", state = data.GetProperty("state").GetString(), credential })).Status.ShouldBe(201);
        return key;
    }
}
