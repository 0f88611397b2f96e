using System.Security.Cryptography;
using System.Text.Json;
using Crew.Identity.SignIn;
using Crew.Testing;

namespace Crew.Identity.Tests;

/// <summary>Two nodes over one PostgreSQL: what one ends, the other does not accept, and guessing at both is guessing at one.</summary>
public sealed class NodeSessionTests
{
    private const int Rounds = 10;
    private const string Owner = "owner@example.com";

    [Fact]
    public async Task What_one_node_ends_no_node_accepts_and_failures_count_over_both()
    {
        Assert.SkipUnless(PostgresServer.IsAvailable, "No PostgreSQL here.");
        var options = new CrewServerOptions
        {
            Database = await (await PostgresServer.SharedAsync()).CreateDatabaseAsync(),
            Environment = new Dictionary<string, string?>
            {
                ["CREW_MASTER_KEY"] = Convert.ToBase64String(RandomNumberGenerator.GetBytes(32)),
                ["CREW_TRUSTED_PROXIES"] = "127.0.0.1",
            },
        };
        await using var first = new CrewServer(options);
        await using var second = new CrewServer(options);
        second.Join(await first.InitAsync());
        await first.StartAsync();
        await second.StartAsync();
        using var owner = new WebVisitor(first.Address, "10.9.0.1");
        (await owner.SubmitAsync(new Uri(first.Installation.Owner.SignInUrl).AbsolutePath, ("password", PeopleServer.Password))).Status.ShouldBe(302);
        await EndsAtOnceAsync(owner, first, second);
        await ChangesAtOnceAsync(owner, first, second);
        await CountsTogetherAsync(first, second);
    }

    private static async Task EndsAtOnceAsync(WebVisitor owner, CrewServer first, CrewServer second)
    {
        for (var round = 0; round < Rounds; round++)
        {
            using var there = new WebVisitor(second.Address, $"10.9.1.{round}");
            (await PeopleServer.SignInAsync(there, Owner)).Status.ShouldBe(302);
            var id = (await PeopleServer.DataAsync(there.GetAsync("/v1/me"))).GetProperty("session_id").GetString();
            (await owner.SendAsync(HttpMethod.Delete, $"/v1/sessions/{id}", null, ("Sec-Fetch-Site", "same-origin"))).Status.ShouldBe(200);
            (await there.GetAsync("/v1/me")).Status.ShouldBe(401, $"round {round}");
            (await there.GetAsync("/account")).Location!.ShouldStartWith("/sign-in");
        }

        first.IsRunning.ShouldBeTrue();
    }

    private static async Task ChangesAtOnceAsync(WebVisitor owner, CrewServer first, CrewServer second)
    {
        var made = await InvitationTests.ChangeAsync(owner, HttpMethod.Post, "/v1/invitations", new { email = "ada@example.com", role = "admin" });
        using var ada = new WebVisitor(second.Address, "10.9.2.1");
        var link = JsonDocument.Parse(made.Text).RootElement.GetProperty("data").GetProperty("link").GetString()!;
        (await ada.SubmitAsync(new Uri(link).AbsolutePath, ("password", PeopleServer.Password))).Status.ShouldBe(302);
        var member = (await PeopleServer.DataAsync(owner.GetAsync("/v1/members"))).EnumerateArray().Single(m => m.GetProperty("role").GetString() == "admin").GetProperty("id").GetString();
        for (var round = 0; round < Rounds; round++)
        {
            var role = round % 2 == 0 ? "viewer" : "admin";
            (await InvitationTests.ChangeAsync(owner, HttpMethod.Patch, $"/v1/members/{member}", new { role })).Status.ShouldBe(200);
            (await PeopleServer.DataAsync(ada.GetAsync("/v1/me"))).GetProperty("role").GetString().ShouldBe(role);
        }

        (await InvitationTests.ChangeAsync(owner, HttpMethod.Delete, $"/v1/members/{member}")).Status.ShouldBe(200);
        (await ada.GetAsync("/v1/me")).Status.ShouldBe(403);
        first.IsRunning.ShouldBeTrue();
    }

    private static async Task CountsTogetherAsync(CrewServer first, CrewServer second)
    {
        using var here = new WebVisitor(first.Address, "10.9.3.1");
        using var there = new WebVisitor(second.Address, "10.9.3.1");
        for (var guess = 0; guess < Throttle.PerPlace; guess++)
        {
            (await PeopleServer.SignInAsync(guess % 2 == 0 ? here : there, Owner, $"guess number {guess} of many")).Status.ShouldBe(401);
        }

        (await PeopleServer.SignInAsync(here, Owner)).Status.ShouldBe(401, "half of the guesses were at the other node");
        (await PeopleServer.SignInAsync(there, Owner)).Status.ShouldBe(401);
        using var elsewhere = new WebVisitor(second.Address, "10.9.4.1");
        (await PeopleServer.SignInAsync(elsewhere, Owner)).Status.ShouldBe(302);
    }
}
