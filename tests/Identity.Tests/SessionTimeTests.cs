using System.Globalization;
using System.Text.Json;
using Crew.Testing;
using Microsoft.Data.Sqlite;

namespace Crew.Identity.Tests;

/// <summary>What time does to sessions, by the times that the database holds: they end unused, they end anyhow, and proofs get old.</summary>
public sealed class SessionTimeTests
{
    private const int Minute = 60_000;

    [Fact]
    public async Task A_session_ends_after_an_hour_unused_and_after_twelve_hours_and_its_proof_is_recent_for_ten_minutes()
    {
        await using var server = new CrewServer(new CrewServerOptions());
        await server.InitAsync();
        await server.StartAsync();
        using var nearlyIdle = new WebVisitor(server.Address);
        (await nearlyIdle.SubmitAsync(new Uri(server.Installation.Owner.SignInUrl).AbsolutePath, ("password", PeopleServer.Password))).Status.ShouldBe(302);
        using var idle = await SignedInAsync(server);
        using var old = await SignedInAsync(server);
        using var nearlyOld = await SignedInAsync(server);
        var ids = new List<string>();
        foreach (var browser in new[] { nearlyIdle, idle, old, nearlyOld })
        {
            ids.Add((await PeopleServer.DataAsync(browser.GetAsync("/v1/me"))).GetProperty("session_id").GetString()!);
        }

        (await server.StopAsync()).ShouldBe(0);
        await MoveAsync(server, ids[0], "last_seen_at", 50 * Minute);
        await MoveAsync(server, ids[0], "proved_at", 11 * Minute);
        await MoveAsync(server, ids[1], "last_seen_at", 61 * Minute);
        await MoveAsync(server, ids[2], "expires_at", 12 * 60 * Minute);
        await MoveAsync(server, ids[3], "expires_at", (12 * 60 * Minute) - (10 * Minute));
        await MoveAsync(server, ids[3], "proved_at", 11 * Minute, """, methods = '["password","totp"]'""");
        await server.StartAsync();
        (await nearlyOld.GetAsync("/account/password")).Location!.ShouldStartWith("/account/step-up", customMessage: "a password alone renews no proof by two factors");
        (await nearlyOld.SubmitAsync("/account/password", ("present", PeopleServer.Password), ("password", "nine brown bears at noon"))).Location
            .ShouldBe("/account/step-up?next=/account/password");
        (await idle.GetAsync("/v1/me")).Status.ShouldBe(401, "unused for an hour");
        (await old.GetAsync("/v1/me")).Status.ShouldBe(401, "older than twelve hours, used or not");
        (await nearlyOld.GetAsync("/v1/me")).Status.ShouldBe(200);
        (await nearlyIdle.GetAsync("/v1/me")).Status.ShouldBe(200);
        (await PeopleServer.DataAsync(nearlyOld.GetAsync("/v1/audit-logs?event_type=auth.session.expired"))).GetArrayLength().ShouldBe(2);
        await IsAskedEverywhereAsync(server, nearlyIdle);
    }

    /// <summary>Step-up skipped by a direct request: every endpoint and page that asks for a recent proof, until one is given.</summary>
    private static async Task IsAskedEverywhereAsync(CrewServer server, WebVisitor browser)
    {
        var document = JsonDocument.Parse((await browser.GetAsync("/openapi/v1.json")).Text).RootElement;
        var asked = 0;
        foreach (var path in document.GetProperty("paths").EnumerateObject())
        {
            foreach (var operation in path.Value.EnumerateObject().Where(o => o.Value.TryGetProperty("x-crew-error-codes", out var codes)
                && codes.EnumerateArray().Any(c => c.GetString() == "step_up_required")))
            {
                var at = path.Name.Replace("{id}", server.Installation.WorkspaceId, StringComparison.Ordinal);
                using var body = new StringContent("{}", System.Text.Encoding.UTF8, "application/json");
                var answer = await browser.SendAsync(new HttpMethod(operation.Name.ToUpperInvariant()), at, operation.Name == "get" ? null : body, ("Sec-Fetch-Site", "same-origin"));
                answer.Status.ShouldBe(403, $"{operation.Name} {at}: {answer.Text}");
                answer.Text.ShouldContain("step_up_required", Case.Sensitive, at);
                asked++;
            }
        }

        asked.ShouldBeGreaterThan(8);
        foreach (var page in new[] { "/account/authenticator", "/account/passkeys/add", "/account/email" })
        {
            (await browser.GetAsync(page)).Location!.ShouldStartWith("/account/step-up", customMessage: page);
        }

        foreach (var form in new[] { "/account/passkeys", "/account/passkeys/passkey_01k9x2f7m3q8t0v5w6y4z1a2bc/remove", "/account/authenticator/remove", "/account/email" })
        {
            (await browser.SubmitAsync(form)).Location!.ShouldStartWith("/account/step-up", customMessage: form);
        }

        (await browser.SubmitAsync("/account/step-up", ("present", "a wrong password it is"))).Status.ShouldBe(400);
        (await InvitationTests.ChangeAsync(browser, HttpMethod.Post, "/v1/invitations", new { email = "ada@example.com", role = "member" })).Status.ShouldBe(403);
        (await browser.SubmitAsync("/account/step-up", ("present", PeopleServer.Password))).Location.ShouldBe("/account");
        (await InvitationTests.ChangeAsync(browser, HttpMethod.Post, "/v1/invitations", new { email = "ada@example.com", role = "member" })).Status.ShouldBe(201);
        (await browser.GetAsync("/account/authenticator")).Status.ShouldBe(200);
    }

    private static async Task<WebVisitor> SignedInAsync(CrewServer server)
    {
        var browser = new WebVisitor(server.Address);
        (await PeopleServer.SignInAsync(browser, "owner@example.com")).Status.ShouldBe(302);
        return browser;
    }

    /// <summary>Sets a time of a session back, and what else is said of it.</summary>
    private static async Task MoveAsync(CrewServer server, string session, string column, int milliseconds, string also = "")
    {
        await using var database = new SqliteConnection($"Data Source={Path.Combine(server.DataFolder, "crew.db")};Pooling=False");
        await database.OpenAsync();
        await using var change = database.CreateCommand();
        change.CommandText = string.Create(CultureInfo.InvariantCulture, $"UPDATE identity_sessions SET {column} = {column} - {milliseconds}{also} WHERE id = $session");
        change.Parameters.AddWithValue("$session", session);
        (await change.ExecuteNonQueryAsync()).ShouldBe(1);
    }
}
