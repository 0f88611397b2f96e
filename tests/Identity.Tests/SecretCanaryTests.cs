using System.Net.Http.Json;
using System.Text.Json;
using System.Text.RegularExpressions;
using Crew.Identity.Mfa;
using Crew.Testing;

namespace Crew.Identity.Tests;

/// <summary>
/// Every secret that a person comes by goes through the product, in success and in failure: passwords, links, session cookies, TOTP seeds, recovery codes,
/// access and refresh tokens, keys. Then everything that the product writes is scanned, running and stopped: database, logs, the change log of SQLite,
/// PostgreSQL's files, what the API lists, metrics. None of them is there.
/// </summary>
public sealed partial class SecretCanaryTests
{
    private const string Password = "CANARY seven grey owls 5d1f";
    private const string Wrong = "CANARY wrong owls 77ab never right";
    private const string Next = "CANARY nine brown bears 9e02";
    private const string MetricsToken = "metrics-token-for-tests";

    private readonly List<string> _secrets = [Password, Wrong, Next];

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task No_secret_of_a_person_is_written_anywhere(bool onPostgres)
    {
        Assert.SkipUnless(!onPostgres || PostgresServer.IsAvailable, "There is no PostgreSQL here.");
        var postgres = onPostgres ? await PostgresServer.SharedAsync() : null;
        await using var peer = await MailPeer.StartAsync();
        await using var server = new CrewServer(new CrewServerOptions
        {
            Database = postgres is null ? null : await postgres.CreateDatabaseAsync(),
            Environment = new Dictionary<string, string?> { ["CREW_SMTP_URL"] = $"smtp://127.0.0.1:{peer.Port}?from=crew@example.com", ["CREW_METRICS_TOKEN"] = MetricsToken },
        });
        await server.InitAsync();
        await server.StartAsync();
        await DriveAsync(server, peer);
        await Task.Delay(TimeSpan.FromSeconds(1), TestContext.Current.CancellationToken);

        var scan = ByteScan.For([.. _secrets]);
        string[] folders = postgres?.DataFolder is { } files ? [server.Root, files] : [server.Root];
        foreach (var path in new[] { "/v1/audit-logs?limit=100", "/v1/audit-logs/export", "/v1/sessions", "/v1/alerts", "/v1/api-keys", "/v1/auth/tokens", "/v1/invitations", "/v1/members" })
        {
            Report(scan.Text(await server.Master.GetStringAsync(path, TestContext.Current.CancellationToken), path), "in what the API shows");
        }

        Report(scan.Text(await server.Client(MetricsToken).GetStringAsync("/metrics", TestContext.Current.CancellationToken), "metrics"), "in metrics");
        Array.ForEach(folders, folder => Report(scan.Folder(folder), "while running"));
        (await server.StopAsync()).ShouldBe(0);
        Array.ForEach(folders, folder => Report(scan.Folder(folder), "after the stop"));
        _secrets.Count.ShouldBeGreaterThan(20);
    }

    private static void Report(IReadOnlyList<ByteHit> hits, string when) => hits.ShouldBeEmpty($"{when}:\n{string.Join('\n', hits)}");

    private async Task DriveAsync(CrewServer server, MailPeer peer)
    {
        using var owner = new WebVisitor(server.Address);
        var first = Noted(server.Installation.Owner.SignInUrl);
        (await owner.SubmitAsync(first, ("password", Password))).Status.ShouldBe(302);
        Note(owner);
        (await owner.SubmitAsync(first, ("password", Wrong))).Status.ShouldNotBe(302);
        using var guest = new WebVisitor(server.Address);
        (await InvitationTests.ChangeAsync(owner, HttpMethod.Post, "/v1/invitations", new { email = "ada@example.com", role = "member" })).Status.ShouldBe(201);
        (await guest.SubmitAsync(Noted((await peer.MailToAsync("ada@example.com")).LinkPath), ("password", Password))).Location.ShouldBe("/account");
        Note(guest);
        await FactorAsync(guest);

        using var stranger = new WebVisitor(server.Address);
        (await stranger.SubmitAsync("/sign-in", ("email", "ada@example.com"), ("password", Wrong))).Status.ShouldBe(401);
        (await stranger.SubmitAsync("/sign-in", ("email", Wrong), ("password", Wrong))).Status.ShouldBe(401);
        (await stranger.GetAsync("/v1/me", ("Cookie", $"crew_session={guest.Session}x"))).Status.ShouldBe(401);
        (await stranger.SubmitAsync("/reset", ("email", "owner@example.com"))).Status.ShouldBe(200);
        var reset = Noted((await peer.MailToAsync("owner@example.com")).LinkPath);
        (await stranger.SubmitAsync(reset, ("password", "short"))).Status.ShouldBe(400);
        (await stranger.SubmitAsync(reset, ("password", Next))).Status.ShouldBe(200);
        (await stranger.SubmitAsync("/sign-in", ("email", "owner@example.com"), ("password", Next))).Status.ShouldBe(302);
        Note(stranger);
        await CredentialsAsync(server, stranger);
    }

    private async Task FactorAsync(WebVisitor person)
    {
        var page = await person.GetAsync("/account/authenticator");
        var text = Secret().Match(page.Text).Groups[1].Value;
        var secret = SecondFactorTests.FromBase32(text.Replace(" ", ""));
        _secrets.AddRange([text, text.Replace(" ", ""), Convert.ToHexStringLower(secret), Convert.ToBase64String(secret)]);
        var done = await person.SubmitAsync("/account/authenticator", ("step", Step().Match(page.Text).Groups[1].Value), ("code", Totp.CodeAt(secret, DateTimeOffset.UtcNow)));
        done.Status.ShouldBe(200, done.Text);
        _secrets.AddRange(Codes().Matches(done.Text).SelectMany(m => new[] { m.Groups[1].Value, m.Groups[1].Value.Replace("-", "") }));
        (await person.SubmitAsync("/account/authenticator/remove", ("code", "000000"))).Status.ShouldNotBe(302);
    }

    /// <summary>Keys and tokens, with an idempotency key where one is taken, and used where they must not be.</summary>
    private async Task CredentialsAsync(CrewServer server, WebVisitor owner)
    {
        foreach (var fields in new object[]
        {
            new { name = "own", kind = "user", mode = "live", permissions = new[] { "crews:read" } },
            new { name = "issuer", mode = "live", permissions = new[] { "tokens:create", "crews:read" } },
        })
        {
            using var content = JsonContent.Create(fields);
            var made = await owner.SendAsync(HttpMethod.Post, "/v1/api-keys", content, ("Sec-Fetch-Site", "same-origin"), ("Idempotency-Key", Guid.NewGuid().ToString()));
            made.Status.ShouldBe(201, made.Text);
            _secrets.Add(Field(made.Text, "key"));
        }

        var client = server.Client(_secrets[^1]);
        using var minted = await client.PostAsJsonAsync("/v1/auth/tokens", new { subject = "somebody", permissions = new[] { "crews:read" } }, TestContext.Current.CancellationToken);
        var pair = await minted.Content.ReadAsStringAsync(TestContext.Current.CancellationToken);
        var (access, refresh) = (Field(pair, "access_token"), Field(pair, "refresh_token"));
        _secrets.AddRange([access, access.Split('.')[2], refresh]);
        using var refreshed = await server.Client(null).PostAsJsonAsync("/v1/auth/tokens/refresh", new { refresh_token = refresh }, TestContext.Current.CancellationToken);
        _secrets.Add(Field(await refreshed.Content.ReadAsStringAsync(TestContext.Current.CancellationToken), "refresh_token"));
        using var listed = await server.Client(access).GetAsync("/v1/crews", TestContext.Current.CancellationToken);
        ((int)listed.StatusCode).ShouldBe(200);
        using var inUrl = await server.Client(null).GetAsync($"/v1/crews?access_token={access}&api_key={_secrets[3]}", TestContext.Current.CancellationToken);
        ((int)inUrl.StatusCode).ShouldBe(401);
        using var wrong = await server.Client(null).PostAsJsonAsync("/v1/auth/tokens/refresh", new { refresh_token = refresh + "x" }, TestContext.Current.CancellationToken);
        ((int)wrong.StatusCode).ShouldBe(401);
        using var asName = await server.Master.PostAsJsonAsync("/v1/api-keys", new { name = "x", mode = "live", permissions = new[] { refresh } }, TestContext.Current.CancellationToken);
        ((int)asName.StatusCode).ShouldBe(400);
    }

    /// <summary>Notes the secret part of a link and returns its path.</summary>
    private string Noted(string link)
    {
        var path = link.StartsWith('/') ? link : new Uri(link).AbsolutePath;
        _secrets.Add(path[(path.LastIndexOf('/') + 1)..]);
        return path;
    }

    private void Note(WebVisitor visitor) => _secrets.AddRange(visitor.Cookies.GetAllCookies().Select(c => c.Value).Where(v => v.Length > 20));

    private static string Field(string body, string name) => JsonDocument.Parse(body).RootElement.GetProperty("data").GetProperty(name).GetString()!;

    [GeneratedRegex("Secret: <code>([A-Z2-7 ]+)</code>")]
    private static partial Regex Secret();

    [GeneratedRegex("name=\"step\" value=\"([^\"]+)\"")]
    private static partial Regex Step();

    [GeneratedRegex("<li>([a-z2-9-]{29})</li>")]
    private static partial Regex Codes();
}
