using System.Diagnostics;
using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using Crew.Testing;
using Npgsql;

namespace Crew.Faults.Tests;

/// <summary>PostgreSQL's disk is full: what cannot be recorded is refused, the state says so, and with room everything goes on by itself.</summary>
public sealed class FullPostgresTests(ITestOutputHelper output)
{
    private const int Least = 20;
    private const int TablespaceMebibytes = 48;
    private const int DiskMebibytes = 96;

    [Fact]
    public async Task A_full_tablespace_refuses_what_cannot_be_recorded_and_room_mends_it()
    {
        Assert.SkipUnless(PostgresServer.IsAvailable, "There is no PostgreSQL here.");
        var folder = Directory.CreateTempSubdirectory("crew-tablespace-").FullName;
        using var disk = SmallDisk.Mount(folder, TablespaceMebibytes);
        await using var pair = await PostgresPair.StartAsync(withReplica: false);
        await PostgresPair.GiveAsync(folder);
        await pair.ExecuteAsync("postgres", $"CREATE TABLESPACE small LOCATION '{folder}'");
        await pair.ExecuteAsync("postgres", "ALTER DATABASE crew SET TABLESPACE small");
        await FillAndMendAsync(pair, Path.Combine(folder, "filler"), "crew_condition_level{name=\"database\"} 1");
    }

    [Fact]
    public async Task A_full_disk_below_the_whole_server_loses_nothing_acknowledged()
    {
        Assert.SkipUnless(PostgresServer.IsAvailable && Scale.IsFull, "Only in the whole sweep; the tablespace stands for it.");
        var (pair, disk) = await PostgresPair.StartSmallAsync(DiskMebibytes);
        await using var ends = pair;
        using var unmounts = disk;
        await FillAndMendAsync(pair, Path.Combine(pair.DataFolder, "filler"), null);
    }

    /// <param name="state">What the metrics say while it is full; null where PostgreSQL may have ended.</param>
    private async Task FillAndMendAsync(PostgresPair pair, string filler, string? state)
    {
        await using var mock = await MockProvider.StartAsync(new MockProviderOptions { KeptBodies = 0 });
        mock.Default = KillLoad.Speaks;
        await using var server = await CrewServer.StartNewAsync(new CrewServerOptions
        {
            Providers = [mock],
            Database = pair.PrimaryConnectionString,
            Environment = new Dictionary<string, string?> { ["CREW_METRICS_TOKEN"] = "operator" },
        });
        var (key, tightKey) = await KillTests.SetUpAsync(server, mock);
        var told = new Acknowledged();
        var load = new KillLoad(server, told, key, tightKey);
        using var stop = new CancellationTokenSource();
        var running = load.RunAsync(stop.Token);
        await load.ToldMoreAsync(Least);
        SmallDisk.Fill(filler);
        var client = server.Client(key);
        var code = await RefusalAsync(client);
        output.WriteLine($"{told.Count} acknowledged until {code}; PostgreSQL {(pair.IsRunning ? "runs" : "has ended")}");
        if (state is not null)
        {
            await EventuallyAsync(async () => (await ReadyAsync(server)).Contains("database full: ", StringComparison.Ordinal));
            (await server.Client("operator").GetStringAsync(new Uri("/metrics", UriKind.Relative))).ShouldContain(state);
            var doctor = await server.CommandAsync("doctor", "--data", server.DataFolder);
            doctor.ExitCode.ShouldBe(1);
            doctor.Output.ShouldContain("PostgreSQL's disk is full", customMessage: doctor.Error);
        }

        File.Delete(filler);
        if (!pair.IsRunning)
        {
            await pair.StartPrimaryAsync();
        }

        await load.ToldMoreAsync(Least);
        await EventuallyAsync(async () => await ReadyAsync(server) == "ready");
        await stop.CancelAsync();
        await running;
        await new Auditor(() => new NpgsqlConnection(pair.PrimaryConnectionString + ";Pooling=false")).HoldSoonAsync(told, mock.Books);
    }

    /// <summary>The first refusal; small rows still find room in the pages that are there.</summary>
    private static async Task<string?> RefusalAsync(HttpClient client)
    {
        for (var tries = 0; ; tries++)
        {
            using var asked = await client.PostAsJsonAsync("/v1/chat/completions",
                new { model = KillLoad.Model, max_tokens = 16, messages = new[] { new { role = "user", content = "hello" } } }, TestContext.Current.CancellationToken);
            if (asked.StatusCode != HttpStatusCode.OK)
            {
                asked.StatusCode.ShouldBe(HttpStatusCode.ServiceUnavailable);
                asked.Headers.GetValues("x-should-retry").ShouldBe(["true"]);
                var error = (await asked.Content.ReadFromJsonAsync<JsonElement>(TestContext.Current.CancellationToken)).GetProperty("error");
                return error.GetProperty("code").GetString();
            }

            tries.ShouldBeLessThan(20_000, "the disk does not fill up");
        }
    }

    private static async Task<string> ReadyAsync(CrewServer server)
    {
        using var ready = await server.Client(null).GetAsync(new Uri("/health/ready", UriKind.Relative), TestContext.Current.CancellationToken);
        return await ready.Content.ReadAsStringAsync(TestContext.Current.CancellationToken);
    }

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
