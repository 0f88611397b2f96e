using System.Net.Http.Json;
using System.Text.Json;
using Crew.Testing;

namespace Crew.Identity.Tests;

/// <summary>What becomes of an offer when whoever made it may not make it any more, and who may take it back.</summary>
public sealed class OfferTests(PeopleServer people)
{
    [Fact]
    public async Task Nobody_who_was_demoted_comes_back_by_an_offer_that_they_made_before()
    {
        var (_, owner) = await people.SignedInAsync();
        var (secondEmail, secondPath) = await InviteAsync(owner, "owner");
        using var second = people.Visitor();
        (await second.SubmitAsync(secondPath, ("password", PeopleServer.Password))).Status.ShouldBe(302);
        var (_, back) = await InviteAsync(second, "owner");
        var (_, viewer) = await InviteAsync(second, "viewer");
        using var guest = people.Visitor();
        (await guest.GetAsync(back)).Status.ShouldBe(200);

        (await ChangeAsync(owner, HttpMethod.Patch, $"/v1/members/{await MemberAsync(owner, secondEmail)}", new { role = "admin" })).Status.ShouldBe(200);
        (await guest.GetAsync(back)).Status.ShouldBe(404, "an Admin makes no Owners");
        (await guest.SubmitAsync(back, ("password", PeopleServer.Password))).Status.ShouldBe(404);
        guest.Session.ShouldBeNull();
        (await guest.GetAsync(viewer)).Status.ShouldBe(200, "what an Admin may offer stands");
        owner.Dispose();
    }

    [Fact]
    public async Task An_offer_of_a_key_that_was_revoked_is_dead_and_one_of_a_key_that_was_rolled_stands()
    {
        var (_, owner) = await people.SignedInAsync();
        foreach (var (isRevoked, status) in new[] { (true, 404), (false, 200) })
        {
            var made = JsonDocument.Parse((await ChangeAsync(owner, HttpMethod.Post, "/v1/api-keys",
                new { name = "hiring", mode = "live", permissions = new[] { "members:write", "*:read" } })).Text).RootElement.GetProperty("data");
            var (id, key) = (made.GetProperty("id").GetString(), made.GetProperty("key").GetString());
            using var machine = people.Visitor();
            var offer = await machine.SendAsync(HttpMethod.Post, "/v1/invitations",
                JsonContent.Create(new { email = $"k{Random.Shared.NextInt64():x}@example.com", role = "viewer" }), ("Authorization", $"Bearer {key}"));
            offer.Status.ShouldBe(201, offer.Text);
            using var guest = people.Visitor();
            (await guest.GetAsync(LinkOf(offer))).Status.ShouldBe(200);
            var ended = isRevoked
                ? await ChangeAsync(owner, HttpMethod.Delete, $"/v1/api-keys/{id}")
                : await ChangeAsync(owner, HttpMethod.Post, $"/v1/api-keys/{id}/roll", new { overlap_seconds = 0 });
            ended.Status.ShouldBeLessThan(300, ended.Text);
            (await guest.GetAsync(LinkOf(offer))).Status.ShouldBe(status);
        }

        owner.Dispose();
    }

    [Fact]
    public async Task Nobody_takes_back_or_replaces_an_offer_of_a_role_above_their_own()
    {
        var (_, owner) = await people.SignedInAsync();
        var (_, adminPath) = await InviteAsync(owner, "admin");
        using var admin = people.Visitor();
        (await admin.SubmitAsync(adminPath, ("password", PeopleServer.Password))).Status.ShouldBe(302);
        var (email, path) = await InviteAsync(owner, "owner");
        var id = (await PeopleServer.DataAsync(owner.GetAsync("/v1/invitations"))).EnumerateArray()
            .Single(i => i.GetProperty("email").GetString() == email).GetProperty("id").GetString();

        (await ChangeAsync(admin, HttpMethod.Delete, $"/v1/invitations/{id}")).Status.ShouldBe(403);
        (await ChangeAsync(admin, HttpMethod.Post, "/v1/invitations", new { email, role = "viewer" })).Status.ShouldBe(403);
        using var guest = people.Visitor();
        (await guest.GetAsync(path)).Status.ShouldBe(200);
        (await owner.SendAsync(HttpMethod.Delete, $"/v1/invitations/{id}", null, ("Sec-Fetch-Site", "same-origin"), ("If-Match", "\"v7\""))).Status.ShouldBe(412);
        (await ChangeAsync(owner, HttpMethod.Delete, $"/v1/invitations/{id}")).Status.ShouldBe(200);
        owner.Dispose();
    }

    [Fact]
    public async Task The_last_Owner_is_not_narrowed_either()
    {
        var (email, owner) = await people.SignedInAsync();
        var path = $"/v1/members/{await MemberAsync(owner, email)}";
        (await ChangeAsync(owner, HttpMethod.Patch, path, new { environments = new[] { "development" } })).Status.ShouldBe(409);
        (await ChangeAsync(owner, HttpMethod.Patch, path, new { environments = new[] { "development", "staging", "production" } })).Status.ShouldBe(200);
        (await owner.GetAsync("/v1/members")).Status.ShouldBe(200, "whoever is narrowed does not reach people any more");
        owner.Dispose();
    }

    [Fact]
    public async Task An_Owner_of_a_workspace_ends_no_session_of_an_Owner_of_the_organization()
    {
        var (email, owner) = await people.SignedInAsync();
        var (_, path) = await InviteAsync(owner, "owner");
        using var second = people.Visitor();
        (await second.SubmitAsync(path, ("password", PeopleServer.Password))).Status.ShouldBe(302);
        (await ChangeAsync(second, HttpMethod.Patch, $"/v1/members/{await MemberAsync(second, email)}", new { role = "viewer" })).Status.ShouldBe(200);
        var session = (await PeopleServer.DataAsync(owner.GetAsync("/v1/sessions")))[0].GetProperty("id").GetString();
        (await ChangeAsync(second, HttpMethod.Delete, $"/v1/sessions/{session}")).Status.ShouldBe(403);
        (await owner.GetAsync("/v1/me")).Status.ShouldBe(200);
        (await ChangeAsync(owner, HttpMethod.Delete, $"/v1/sessions/{session}")).Status.ShouldBe(200, "one's own are always one's own");
        owner.Dispose();
    }

    private static async Task<(string Email, string Path)> InviteAsync(WebVisitor by, string role)
    {
        var email = $"o{Random.Shared.NextInt64():x}@example.com";
        var made = await ChangeAsync(by, HttpMethod.Post, "/v1/invitations", new { email, role });
        made.Status.ShouldBe(201, made.Text);
        return (email, LinkOf(made));
    }

    private static async Task<string> MemberAsync(WebVisitor by, string email) => (await PeopleServer.DataAsync(by.GetAsync("/v1/members"))).EnumerateArray()
        .Single(m => m.GetProperty("email").GetString() == email).GetProperty("id").GetString()!;

    private static string LinkOf(WebPage made) => new Uri(JsonDocument.Parse(made.Text).RootElement.GetProperty("data").GetProperty("link").GetString()!).AbsolutePath;

    private static Task<WebPage> ChangeAsync(WebVisitor by, HttpMethod method, string path, object? body = null) => InvitationTests.ChangeAsync(by, method, path, body);
}
