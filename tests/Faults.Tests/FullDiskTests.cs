using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using Crew.Testing;
using Microsoft.Data.Sqlite;

namespace Crew.Faults.Tests;

/// <summary>
/// The disk of the data folder is full. Reads work, writes and model calls are refused in their dialect, and the reserved space lets the
/// account master and the command line mend it, with or without making room on the disk.
/// </summary>
public sealed class FullDiskTests
{
    private const int DiskMebibytes = 32;

    [Fact]
    public async Task A_full_disk_refuses_writes_and_can_be_mended_from_within()
    {
        await using var mock = await MockProvider.StartAsync();
        await using var server = new CrewServer(new CrewServerOptions
        {
            Providers = [mock],
            Environment = new Dictionary<string, string?> { ["CREW_METRICS_TOKEN"] = "operator" },
        });
        using var disk = SmallDisk.Mount(server.DataFolder, DiskMebibytes);
        await server.InitAsync();
        await server.StartAsync();
        var provider = await server.CreateProviderAsync(mock);
        await server.CreateModelAsync(new NewModel { Id = "m", ProviderId = provider });
        var key = await server.CreateKeyAsync(new NewKey { Permissions = ["models:invoke", "api_keys:read", "api_keys:write"] });
        var spare = await server.CreateKeyAsync(new NewKey());
        var client = server.Client(key.Key);
        await KeepAsync(server, 3_650);
        await GrowAsync(server, mebibytes: 10);
        using (var asked = await AskAsync(client))
        {
            asked.StatusCode.ShouldBe(HttpStatusCode.OK);
        }

        var filler = Path.Combine(server.DataFolder, "filler");
        SmallDisk.Fill(filler);
        await UntilReadyIsAsync(client, HttpStatusCode.ServiceUnavailable, "disk full");
        await RefusesAsync(client);

        // The command line and the account master still write, into the reserve.
        (await server.CommandAsync("keys", "revoke", spare.Id, "--data", server.DataFolder)).ExitCode.ShouldBe(0);
        (await server.GetAsync($"/v1/api-keys/{spare.Id}")).GetProperty("revoked_at").ValueKind.ShouldBe(JsonValueKind.String);
        await KeepAsync(server, 30);
        await UntilReadyIsAsync(client, HttpStatusCode.OK, "ready");
        File.Exists(filler).ShouldBeTrue("room was made inside the database, by a shorter retention");
        using (var asked = await AskAsync(client))
        {
            asked.StatusCode.ShouldBe(HttpStatusCode.OK);
        }

        File.Delete(filler);
        await EventuallyAsync(() => Task.FromResult(File.Exists(Path.Combine(server.DataFolder, "crew.reserve"))));
        await EventuallyAsync(async () => (await server.GetAsync("/v1/audit-logs?event_type=retention.applied")).GetArrayLength() > 0);
    }

    [Fact]
    public async Task An_Owner_signs_in_on_a_full_disk_and_mends_it()
    {
        await using var server = new CrewServer(new CrewServerOptions());
        using var disk = SmallDisk.Mount(server.DataFolder, DiskMebibytes);
        await server.InitAsync();
        await server.StartAsync();
        const string Password = "seven grey owls at dusk";
        using (var before = new WebVisitor(server.Address))
        {
            (await before.SubmitAsync(new Uri(server.Installation.Owner.SignInUrl).AbsolutePath, ("password", Password))).Status.ShouldBe(302);
        }

        await KeepAsync(server, 3_650);
        await GrowAsync(server, mebibytes: 10);
        SmallDisk.Fill(Path.Combine(server.DataFolder, "filler"));
        using var client = server.Client(server.Installation.ApiKeys.Live);
        await UntilReadyIsAsync(client, HttpStatusCode.ServiceUnavailable, "disk full");
        using var owner = new WebVisitor(server.Address);
        var entered = await owner.SubmitAsync("/sign-in", ("email", "owner@example.com"), ("password", Password));
        entered.Status.ShouldBe(302, entered.Text);
        (await owner.GetAsync("/account")).Status.ShouldBe(200);
        using var shorter = JsonContent.Create(new { settings = new { retention = new { request_days = 30 } } });
        var changed = await owner.SendAsync(HttpMethod.Patch, $"/v1/workspaces/{server.Installation.WorkspaceId}", shorter, ("Sec-Fetch-Site", "same-origin"));
        changed.Status.ShouldBe(200, changed.Text);
        await UntilReadyIsAsync(client, HttpStatusCode.OK, "ready");
    }

    private static async Task RefusesAsync(HttpClient client)
    {
        using var asked = await AskAsync(client);
        asked.StatusCode.ShouldBe(HttpStatusCode.ServiceUnavailable);
        asked.Headers.GetValues("x-should-retry").ShouldBe(["true"]);
        (await CodeAsync(asked)).ShouldBe("audit_unavailable");
        using var made = await client.PostAsJsonAsync("/v1/api-keys", new { name = "n", permissions = new[] { "api_keys:read" }, mode = "live" }, TestContext.Current.CancellationToken);
        made.StatusCode.ShouldBe(HttpStatusCode.ServiceUnavailable);
        (await CodeAsync(made)).ShouldBe("storage_unavailable");
        using var read = await client.GetAsync(new Uri("/v1/api-keys", UriKind.Relative), TestContext.Current.CancellationToken);
        read.StatusCode.ShouldBe(HttpStatusCode.OK);
        using var request = new HttpRequestMessage(HttpMethod.Get, "/metrics");
        request.Headers.TryAddWithoutValidation("Authorization", "Bearer operator");
        using var metrics = await client.SendAsync(request, TestContext.Current.CancellationToken);
        (await metrics.Content.ReadAsStringAsync(TestContext.Current.CancellationToken)).ShouldContain("crew_condition_level{name=\"disk\"} 2");
    }

    private static Task<HttpResponseMessage> AskAsync(HttpClient client) => client.PostAsJsonAsync("/v1/chat/completions",
        new { model = "m", max_tokens = 64, messages = new[] { new { role = "user", content = "hello" } } }, TestContext.Current.CancellationToken);

    private static async Task<string?> CodeAsync(HttpResponseMessage answer) =>
        (await answer.Content.ReadFromJsonAsync<JsonElement>(TestContext.Current.CancellationToken)).GetProperty("error").GetProperty("code").GetString();

    private static async Task KeepAsync(CrewServer server, int days)
    {
        using var changed = await server.Master.PatchAsJsonAsync($"/v1/workspaces/{server.Installation.WorkspaceId}",
            new { settings = new { retention = new { request_days = days } } }, TestContext.Current.CancellationToken);
        changed.StatusCode.ShouldBe(HttpStatusCode.OK, await changed.Content.ReadAsStringAsync(TestContext.Current.CancellationToken));
    }

    /// <summary>Rows of forty days ago, written beside the server in small transactions, so that the log stays short.</summary>
    private static async Task GrowAsync(CrewServer server, int mebibytes)
    {
        SQLitePCL.Batteries_V2.Init();
        await using var connection = new SqliteConnection($"Data Source={Path.Combine(server.DataFolder, "crew.db")};Pooling=False");
        await connection.OpenAsync();
        var at = DateTimeOffset.UtcNow.AddDays(-40).ToUnixTimeMilliseconds();
        for (var part = 0; part < mebibytes; part++)
        {
            await using var command = connection.CreateCommand();
            command.CommandText = string.Create(CultureInfo.InvariantCulture, $"""
                WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 256)
                INSERT INTO spend_attempts (at, organization_id, workspace_id, request_id, attempt, model, endpoint, stream, test, input_tokens, cache_read_tokens,
                  cache_write_tokens, output_tokens, reasoning_tokens, cost_nano, provenance, status, outcome, total_ms, lease_ids)
                SELECT {at}, '{server.Installation.OrganizationId}', '{server.Installation.WorkspaceId}', 'req_{part}_' || i, 1, 'm', '/v1/chat/completions', 0, 0,
                  1, 0, 0, 1, 0, 1, 'exact', 200, 'success', 1, hex(zeroblob(1900)) FROM n;
                PRAGMA wal_checkpoint(RESTART)
                """);
            await command.ExecuteNonQueryAsync();
        }
    }

    private static Task UntilReadyIsAsync(HttpClient client, HttpStatusCode status, string text) => EventuallyAsync(async () =>
    {
        using var ready = await client.GetAsync(new Uri("/health/ready", UriKind.Relative), TestContext.Current.CancellationToken);
        var said = await ready.Content.ReadAsStringAsync(TestContext.Current.CancellationToken);
        return ready.StatusCode == status && said.Contains(text, StringComparison.Ordinal);
    });

    private static async Task EventuallyAsync(Func<Task<bool>> holds)
    {
        var started = Stopwatch.GetTimestamp();
        while (!await holds())
        {
            Stopwatch.GetElapsedTime(started).ShouldBeLessThan(TimeSpan.FromSeconds(60));
            await Task.Delay(100);
        }
    }
}
