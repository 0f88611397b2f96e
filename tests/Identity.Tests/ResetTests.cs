using Crew.Identity.SignIn;
using Crew.Testing;
using Microsoft.Data.Sqlite;

namespace Crew.Identity.Tests;

/// <summary>Letters that strangers can ask for: where they go, how many, and what their links are good for.</summary>
public sealed class ResetTests
{
    private const string Next = "nine brown bears at noon";

    [Fact]
    public async Task A_letter_goes_to_the_address_on_file_and_strangers_neither_kill_its_link_nor_send_it_without_end()
    {
        await using var peer = await MailPeer.StartAsync();
        await using var server = await ServerAsync(peer);
        using var owner = await OwnerAsync(server);
        var kim = await InvitedAsync(server, peer, owner, "kim@example.com");

        // KELVIN SIGN: the same in small letters, and to a mail server another mailbox.
        using var thief = new WebVisitor(server.Address, "10.3.0.1");
        (await thief.SubmitAsync("/reset", ("email", "\u212Aim@example.com"))).Status.ShouldBe(200);
        var first = await peer.LinkToAsync("kim@example.com", "/reset/", 1);
        peer.CountTo("\u212Aim@example.com").ShouldBe(0);

        // A minute later the same letter may go out again.
        for (var asked = 2; asked <= 4; asked++)
        {
            await AgeAsync(server);
            using var stranger = new WebVisitor(server.Address, "10.3.0.2");
            (await stranger.SubmitAsync("/reset", ("email", "kim@example.com"))).Status.ShouldBe(200);
            if (asked <= 3)
            {
                await peer.LinkToAsync("kim@example.com", "/reset/", asked);
            }
        }

        using var reader = new WebVisitor(server.Address, "10.3.0.3");
        var last = await peer.LinkToAsync("kim@example.com", "/reset/", 3);
        (await reader.SubmitAsync(first, ("password", Next))).Status.ShouldBe(200, "those who ask after it do not end it");
        (await reader.GetAsync(last)).Status.ShouldBe(404, "one that was used ends the others");
        (await reader.SubmitAsync("/sign-in", ("email", "kim@example.com"), ("password", Next))).Status.ShouldBe(302);
        peer.CountTo("kim@example.com").ShouldBe(4, "an invitation, and three links that are good at a time");
        kim.Dispose();
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_reset_by_mail_ends_the_factors_of_an_account_whose_address_nobody_had_answered_before(bool isVerified)
    {
        await using var peer = await MailPeer.StartAsync();
        await using var server = await ServerAsync(peer, "localhost");
        using var owner = await OwnerAsync(server);
        using var squatter = await InvitedAsync(server, peer, owner, "mary@example.com");
        using var key = await FactorResetTests.PasskeyAsync(server, squatter);
        if (!isVerified)
        {
            (await ChangeAsync(server, "UPDATE tenancy_users SET email_verified_at = NULL")).ShouldBeGreaterThan(0);
            await server.RestartAsync();
        }

        using var mary = new WebVisitor(server.Address, "10.3.0.9");
        (await mary.SubmitAsync("/reset", ("email", "mary@example.com"))).Status.ShouldBe(200);
        (await mary.SubmitAsync(await peer.LinkToAsync("mary@example.com", "/reset/", 1), ("password", Next))).Status.ShouldBe(200);
        var entered = (await PeopleServer.SignInAsync(mary, "mary@example.com", Next)).Location!;
        if (isVerified)
        {
            entered.ShouldStartWith("/sign-in/factor", Case.Sensitive, "a mailbox is no way around the second factor");
            return;
        }

        entered.ShouldBe("/account");
        (await PeopleServer.DataAsync(mary.GetAsync("/v1/passkeys"))).GetArrayLength().ShouldBe(0);
        var told = await PeopleServer.DataAsync(owner.GetAsync("/v1/audit-logs?event_type=auth.mfa.disabled"));
        told[0].GetProperty("reason").GetString().ShouldBe("address_verified");
    }

    /// <summary>A minute goes by for the letters that were asked for.</summary>
    private static async Task AgeAsync(CrewServer server)
    {
        (await ChangeAsync(server, "UPDATE identity_letters SET created_at = created_at - 61000")).ShouldBeGreaterThan(0);
    }

    private static async Task<int> ChangeAsync(CrewServer server, string sql)
    {
        await using var database = new SqliteConnection($"Data Source={Path.Combine(server.DataFolder, "crew.db")};Pooling=False");
        await database.OpenAsync();
        await using var change = database.CreateCommand();
        change.CommandText = sql;
        return await change.ExecuteNonQueryAsync();
    }

    [Fact]
    public async Task Whoever_reads_the_mail_gets_in_whatever_strangers_have_guessed_before()
    {
        await using var peer = await MailPeer.StartAsync();
        await using var server = await ServerAsync(peer);
        using var owner = await OwnerAsync(server);
        (await InvitedAsync(server, peer, owner, "ada@example.com")).Dispose();
        using var cafe = new WebVisitor(server.Address, "10.3.1.1");
        for (var tries = 0; tries < Throttle.PerPlace; tries++)
        {
            (await PeopleServer.SignInAsync(cafe, "ada@example.com", $"guess number {tries} of many")).Status.ShouldBe(401);
        }

        using var ada = new WebVisitor(server.Address, "10.3.1.1");
        (await PeopleServer.SignInAsync(ada, "ada@example.com")).Status.ShouldBe(401, "a new browser in that network is held back");
        (await ada.SubmitAsync("/reset", ("email", "ada@example.com"))).Status.ShouldBe(200);
        (await ada.SubmitAsync(await peer.LinkToAsync("ada@example.com", "/reset/", 1), ("password", Next))).Status.ShouldBe(200);
        (await PeopleServer.SignInAsync(ada, "ada@example.com", Next)).Status.ShouldBe(302, "it is known now");
    }

    [Fact]
    public async Task Invitations_fill_no_mailbox_and_what_is_kept_of_their_answers_is_sealed()
    {
        await using var peer = await MailPeer.StartAsync();
        await using var server = await ServerAsync(peer);
        using var owner = await OwnerAsync(server);
        const string Address = "somebody.who.did.not.ask@example.com";
        var statuses = new List<int>();
        for (var asked = 0; asked < 6; asked++)
        {
            statuses.Add((await InvitationTests.ChangeAsync(owner, HttpMethod.Post, "/v1/invitations", new { email = Address, role = "viewer" })).Status);
        }

        statuses.ShouldBe([201, 201, 201, 201, 201, 403]);
        peer.CountTo(Address).ShouldBe(5);

        const string Kept = "kept.under.a.key.of.its.own@example.com";
        var answers = new List<WebPage>();
        for (var times = 0; times < 2; times++)
        {
            answers.Add(await owner.SendAsync(HttpMethod.Post, "/v1/invitations", System.Net.Http.Json.JsonContent.Create(new { email = Kept, role = "viewer" }),
                ("Sec-Fetch-Site", "same-origin"), ("Idempotency-Key", "one")));
        }

        answers.ShouldAllBe(a => a.Status == 201);
        answers[1].Text.ShouldBe(answers[0].Text);
        answers[1].Headers["Idempotency-Replayed"].ShouldBe("true");
        await server.StopAsync();
        ByteScan.For(Kept, Address).Folder(server.DataFolder).ShouldBeEmpty();
    }

    private static async Task<CrewServer> ServerAsync(MailPeer peer, string? host = null)
    {
        var server = new CrewServer(new CrewServerOptions
        {
            PublicHost = host,
            Environment = new Dictionary<string, string?>
            {
                ["CREW_SMTP_URL"] = $"smtp://127.0.0.1:{peer.Port}?from=crew@example.com",
                ["CREW_TRUSTED_PROXIES"] = "127.0.0.1",
            },
        });
        await server.InitAsync();
        await server.StartAsync();
        return server;
    }

    private static async Task<WebVisitor> OwnerAsync(CrewServer server)
    {
        var owner = new WebVisitor(server.Address);
        (await owner.SubmitAsync(new Uri(server.Installation.Owner.SignInUrl).AbsolutePath, ("password", PeopleServer.Password))).Status.ShouldBe(302);
        return owner;
    }

    private static async Task<WebVisitor> InvitedAsync(CrewServer server, MailPeer peer, WebVisitor owner, string email)
    {
        (await InvitationTests.ChangeAsync(owner, HttpMethod.Post, "/v1/invitations", new { email, role = "member" })).Status.ShouldBe(201);
        var guest = new WebVisitor(server.Address, "10.3.9.9");
        (await guest.SubmitAsync((await peer.MailToAsync(email)).LinkPath, ("password", PeopleServer.Password))).Location.ShouldBe("/account");
        return guest;
    }
}
