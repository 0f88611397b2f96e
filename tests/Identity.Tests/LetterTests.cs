using Crew.Testing;

namespace Crew.Identity.Tests;

/// <summary>Letters that outlive the process that promised them, and another address with its way back.</summary>
public sealed class LetterTests
{
    private const string Owner = "owner@example.com";

    [Fact]
    public async Task A_letter_that_was_promised_is_sent_after_a_crash_and_a_mail_server_that_was_away()
    {
        var peer = await MailPeer.StartAsync();
        var port = peer.Port;
        await peer.DisposeAsync();
        await using var server = new CrewServer(WithMail(port));
        await server.InitAsync();
        await server.StartAsync();
        using var visitor = new WebVisitor(server.Address);
        (await visitor.SubmitAsync("/reset", ("email", Owner))).Status.ShouldBe(200);
        (await visitor.SubmitAsync("/reset", ("email", "nobody@example.com"))).Status.ShouldBe(200);
        server.Kill();
        await using var back = await MailPeer.StartAsync(("PEER_PORT", port.ToString(System.Globalization.CultureInfo.InvariantCulture)));
        await server.StartAsync();
        var link = (await back.MailToAsync(Owner)).LinkPath;
        (await visitor.SubmitAsync(link, ("password", "nine brown bears at noon"))).Status.ShouldBe(200);
        (await visitor.SubmitAsync("/reset", ("email", Owner))).Status.ShouldBe(200);
        (await back.NoticeToAsync(Owner)).Text.ShouldContain("password was reset");
        back.CountTo("nobody@example.com").ShouldBe(0);
    }

    [Fact]
    public async Task An_address_is_changed_by_whoever_reads_the_new_one_and_taken_back_by_whoever_reads_the_old_one()
    {
        await using var peer = await MailPeer.StartAsync();
        await using var server = new CrewServer(WithMail(peer.Port));
        await server.InitAsync();
        await server.StartAsync();
        using var owner = new WebVisitor(server.Address);
        (await owner.SubmitAsync(new Uri(server.Installation.Owner.SignInUrl).AbsolutePath, ("password", PeopleServer.Password))).Status.ShouldBe(302);
        using var other = new WebVisitor(server.Address);
        (await PeopleServer.SignInAsync(other, Owner)).Status.ShouldBe(302);
        (await owner.SubmitAsync("/account/email", ("email", "no address"))).Status.ShouldBe(400);
        (await owner.SubmitAsync("/account/email", ("email", "new@example.com"))).Status.ShouldBe(200);
        var link = (await peer.MailToAsync("new@example.com")).LinkPath;
        using var stranger = new WebVisitor(server.Address);
        (await stranger.GetAsync(link)).Location!.ShouldStartWith("/sign-in", customMessage: "the link alone moves nobody");
        (await PeopleServer.DataAsync(owner.GetAsync("/v1/me"))).GetProperty("principal").GetProperty("name").GetString().ShouldBe(Owner);
        (await owner.SubmitAsync(link)).Location.ShouldBe("/account");
        (await owner.SubmitAsync(link)).Status.ShouldBe(404);
        (await other.GetAsync("/v1/me")).Status.ShouldBe(401, "other sessions have ended");
        (await PeopleServer.SignInAsync(other, Owner)).Status.ShouldBe(401);
        (await PeopleServer.SignInAsync(other, "new@example.com")).Status.ShouldBe(302);

        var undo = (await peer.MailToAsync(Owner)).LinkPath;
        (await stranger.GetAsync(undo)).Text.ShouldContain(Owner);
        (await stranger.SubmitAsync(undo)).Status.ShouldBe(200);
        (await owner.GetAsync("/v1/me")).Status.ShouldBe(401);
        (await other.GetAsync("/v1/me")).Status.ShouldBe(401);
        (await stranger.SubmitAsync(undo)).Status.ShouldBe(404);
        (await PeopleServer.SignInAsync(owner, Owner)).Status.ShouldBe(302);
    }

    private static CrewServerOptions WithMail(int port) => new()
    {
        Environment = new Dictionary<string, string?> { ["CREW_SMTP_URL"] = $"smtp://127.0.0.1:{port}?from=crew@example.com" },
    };
}
