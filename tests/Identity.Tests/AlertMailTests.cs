using System.Net.Http.Json;
using System.Text.Json;
using Crew.Testing;

namespace Crew.Identity.Tests;

/// <summary>Alerts reach the Owners by mail: once each, and with nothing in them that a mailbox should not hold.</summary>
public sealed class AlertMailTests
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task An_alert_and_a_review_are_mailed_once_to_the_owners_or_to_whom_the_rule_names()
    {
        await using var peer = await MailPeer.StartAsync();
        await using var server = new CrewServer(new CrewServerOptions
        {
            Environment = new Dictionary<string, string?> { ["CREW_SMTP_URL"] = $"smtp://127.0.0.1:{peer.Port}?from=crew@example.com" },
        });
        await server.InitAsync();
        await server.StartAsync();
        var owner = server.Installation.Owner.Email;
        var raised = await RaiseAsync(server, "The laptop is gone");
        var mail = await peer.MailToAsync(owner);
        mail.Text.ShouldContain(raised);
        mail.Text.ShouldContain("The laptop is gone");
        await IsSentAsync(server, raised);
        peer.CountTo(owner).ShouldBe(1);

        using var named = await server.Master.PatchAsJsonAsync("/v1/alert-rules/manual", new { recipients = new[] { "soc@example.com" } }, Cancel);
        named.EnsureSuccessStatusCode();
        var second = await RaiseAsync(server, "And the phone");
        (await peer.MailToAsync("soc@example.com")).Text.ShouldContain(second);
        await IsSentAsync(server, second);
        peer.CountTo(owner).ShouldBe(1);

        using var opened = await server.Master.PostAsync("/v1/access-reviews", null, Cancel);
        ((int)opened.StatusCode).ShouldBe(201);
        for (var wait = 0; wait < 200 && peer.CountTo(owner) < 2; wait++)
        {
            await Task.Delay(100, Cancel);
        }

        peer.CountTo(owner).ShouldBe(2, "the review was mailed");
    }

    private static async Task<string> RaiseAsync(CrewServer server, string title)
    {
        using var raised = await server.Master.PostAsJsonAsync("/v1/alerts", new { title, severity = "critical" }, Cancel);
        ((int)raised.StatusCode).ShouldBe(201);
        return (await raised.Content.ReadFromJsonAsync<JsonElement>(Cancel)).GetProperty("data").GetProperty("id").GetString()!;
    }

    private static async Task IsSentAsync(CrewServer server, string alert)
    {
        var state = "";
        for (var wait = 0; wait < 200 && state != "sent"; wait++)
        {
            await Task.Delay(100, Cancel);
            state = (await server.Master.GetFromJsonAsync<JsonElement>($"/v1/alerts/{alert}", Cancel)).GetProperty("data").GetProperty("mail").GetProperty("state").GetString()!;
        }

        state.ShouldBe("sent");
    }
}
