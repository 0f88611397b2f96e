using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Crew.Mail;
using Crew.Testing;

namespace Crew.Identity.Tests;

/// <summary>Letters through a mail server of somebody else's making: what is said over the wire, and what the links are good for.</summary>
public sealed class MailTests
{
    [Fact]
    public async Task A_letter_arrives_whole_whatever_is_in_it()
    {
        await using var peer = await MailPeer.StartAsync();
        var text = ".\n..\n.hidden\nZoë grüßt 🦉\n" + new string('x', 2_000) + "\nFrom: somebody\n\nend";
        var letter = new Letter("ada@example.com", "Grüße an die Eulen, und an alle anderen, die lange Zeilen lesen 🦉", text);
        (await Sender($"smtp://127.0.0.1:{peer.Port}?from=crew@example.com").SendAsync(letter, default)).ShouldBeNull();
        var mail = await peer.MailToAsync("ada@example.com");
        mail.Text.Replace("\r\n", "\n").ShouldBe(text);
        mail.From.ShouldBe("crew@example.com");
        mail.Message.Split("\r\n").ShouldAllBe(line => line.Length <= 78);
    }

    [Fact]
    public async Task A_server_is_signed_in_to_and_its_refusal_is_told_by_number()
    {
        await using var peer = await MailPeer.StartAsync(("PEER_USER", "crew"), ("PEER_PASSWORD", "p@ss:word"));
        (await Sender($"smtp://crew:p%40ss%3Aword@127.0.0.1:{peer.Port}?from=crew@example.com").SendAsync(new Letter("ada@example.com", "s", "t"), default)).ShouldBeNull();
        (await peer.MailToAsync("ada@example.com")).User.ShouldBe("crew");
        var wrong = await Sender($"smtp://crew:wrong@127.0.0.1:{peer.Port}?from=crew@example.com").SendAsync(new Letter("ada@example.com", "s", "t"), default);
        wrong!.Code.ShouldBe("mail_refused");
        wrong.Details!["step"].ShouldBe("AUTH");
        var nobody = await Sender($"smtp://crew:p%40ss%3Aword@127.0.0.1:{peer.Port}?from=crew@example.com").SendAsync(new Letter("refused@example.com", "s", "t"), default);
        nobody!.Details!["reply"].ShouldBe(550);
    }

    [Theory]
    [InlineData("smtp", "later")]
    [InlineData("smtps", "first")]
    public async Task A_certificate_that_nobody_vouches_for_gets_no_letter(string scheme, string tls)
    {
        var folder = Directory.CreateTempSubdirectory("crew-mail-").FullName;
        var (certificate, key) = (Path.Combine(folder, "cert.pem"), Path.Combine(folder, "key.pem"));
        using (var rsa = RSA.Create(2048))
        {
            var request = new CertificateRequest("CN=localhost", rsa, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1);
            using var self = request.CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(1));
            await File.WriteAllTextAsync(certificate, self.ExportCertificatePem());
            await File.WriteAllTextAsync(key, rsa.ExportPkcs8PrivateKeyPem());
        }

        await using var peer = await MailPeer.StartAsync(("PEER_CERT", certificate), ("PEER_KEY", key), ("PEER_TLS", tls));
        var fault = await Sender($"{scheme}://127.0.0.1:{peer.Port}?from=crew@example.com").SendAsync(new Letter("ada@example.com", "s", "t"), default);
        fault.ShouldBe(MailFaults.Unreachable);
        peer.CountTo("ada@example.com").ShouldBe(0);
        Directory.Delete(folder, recursive: true);
    }

    [Theory]
    [InlineData("a\r\nBcc: everybody@example.com")]
    [InlineData("a\nb")]
    public async Task A_line_break_makes_no_header(string subject) =>
        await Should.ThrowAsync<ArgumentException>(async () =>
        {
            await using var peer = await MailPeer.StartAsync();
            await Sender($"smtp://127.0.0.1:{peer.Port}?from=crew@example.com").SendAsync(new Letter("ada@example.com", subject, "t"), default);
        });

    [Fact]
    public async Task Invitation_and_reset_go_by_mail_verify_the_address_and_work_once()
    {
        await using var peer = await MailPeer.StartAsync();
        await using var server = new CrewServer(new CrewServerOptions
        {
            Environment = new Dictionary<string, string?> { ["CREW_SMTP_URL"] = $"smtp://127.0.0.1:{peer.Port}?from=crew@example.com" },
        });
        await server.InitAsync();
        await server.StartAsync();
        using var owner = new WebVisitor(server.Address);
        (await owner.SubmitAsync(new Uri(server.Installation.Owner.SignInUrl).AbsolutePath, ("password", PeopleServer.Password))).Status.ShouldBe(302);
        var invited = await InvitationTests.ChangeAsync(owner, HttpMethod.Post, "/v1/invitations", new { email = "ada@example.com", role = "member" });
        invited.Status.ShouldBe(201);
        invited.Text.ShouldNotContain("/invite/");
        using var ada = new WebVisitor(server.Address);
        var link = (await peer.MailToAsync("ada@example.com")).LinkPath;
        (await ada.SubmitAsync(link, ("password", PeopleServer.Password))).Location.ShouldBe("/account");
        var member = (await PeopleServer.DataAsync(owner.GetAsync("/v1/members"))).EnumerateArray().Single(m => m.GetProperty("email").GetString() == "ada@example.com");
        member.GetProperty("email_verified").GetBoolean().ShouldBeTrue();
        (await InvitationTests.ChangeAsync(owner, HttpMethod.Post, "/v1/invitations", new { email = "refused@example.com", role = "member" })).Status.ShouldBe(502);

        using var forgetful = new WebVisitor(server.Address);
        var unknown = await forgetful.SubmitAsync("/reset", ("email", "nobody@example.com"));
        var known = await forgetful.SubmitAsync("/reset", ("email", "owner@example.com"));
        known.Text.ShouldBe(unknown.Text);
        known.Status.ShouldBe(unknown.Status);
        var mail = await peer.MailToAsync("owner@example.com");
        mail.Text.ShouldContain(server.Address.Authority);
        var reset = mail.LinkPath;
        (await forgetful.SubmitAsync(reset, ("password", "nine brown bears at noon"))).Status.ShouldBe(200);
        forgetful.Session.ShouldBeNull("a reset signs nobody in");
        (await owner.GetAsync("/v1/me")).Status.ShouldBe(401);
        (await forgetful.SubmitAsync(reset, ("password", "ten green geese at night"))).Status.ShouldBe(404);
        (await forgetful.SubmitAsync("/sign-in", ("email", "owner@example.com"), ("password", "nine brown bears at noon"))).Status.ShouldBe(302);
        peer.CountTo("nobody@example.com").ShouldBe(0);
    }

    private static SmtpSender Sender(string url) => new(SmtpSettings.Parse(url).Value, TimeProvider.System);
}
