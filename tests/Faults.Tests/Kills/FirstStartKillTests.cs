using System.Data.Common;
using System.Net;
using System.Text.Json;
using Crew.Kernel;
using Crew.Testing;
using Npgsql;

namespace Crew.Faults.Tests;

/// <summary>
/// The process dies while it makes a new installation. The next start finishes what is missing, and an operator comes in by the command
/// line, whatever had been reached.
/// </summary>
public abstract class FirstStartKillTests(ITestOutputHelper output)
{
    private protected abstract SweptPoint[] Points { get; }

    private protected abstract Task<string?> NewDatabaseAsync();

    private protected abstract DbConnection Connect(CrewServer server, string? database);

    [Fact]
    public async Task A_first_start_that_dies_is_finished_by_the_next()
    {
        var seed = Scale.Seed();
        output.WriteLine($"CREW_TEST_SEED={seed}");
        foreach (var kill in KillPlan.Draw(new Random(seed), Scale.Of(2, 50), Points))
        {
            var database = await NewDatabaseAsync();
            await using var server = new CrewServer(new CrewServerOptions { Database = database });
            server.Set(CrashPoint.Variable, kill.Armed);
            var died = await Should.ThrowAsync<InvalidOperationException>(server.StartAsync(), kill.ToString());
            died.Message.ShouldContain("ended with 137", customMessage: kill.ToString());
            server.Set(CrashPoint.Variable, null);
            await server.StartAsync();
            if (kill.Point is CrashPoints.OrganizationAfter or CrashPoints.MastersAfter)
            {
                server.ErrorOutput().ShouldContain("crew keys create --account", customMessage: "nobody was told the keys");
            }

            await OperatorComesInAsync(server);
            await new Auditor(() => Connect(server, database)).LeavesAreWholeAsync();
            (await server.StopAsync()).ShouldBe(0);
            output.WriteLine($"{kill}: came up");
        }
    }

    internal static async Task OperatorComesInAsync(CrewServer server)
    {
        var made = await server.CommandAsync("keys", "create", "--data", server.DataFolder, "--account", "--name", "operator", "--json");
        made.ExitCode.ShouldBe(0, made.Error);
        var key = JsonDocument.Parse(made.Output).RootElement.GetProperty("key").GetString();
        var client = server.Client(key);
        for (var tries = 0; ; tries++)
        {
            // A server that runs learns of the new key through its feed.
            using var me = await client.GetAsync(new Uri("/v1/me", UriKind.Relative), TestContext.Current.CancellationToken);
            if (me.StatusCode == HttpStatusCode.OK)
            {
                return;
            }

            tries.ShouldBeLessThan(100);
            await Task.Delay(50, TestContext.Current.CancellationToken);
        }
    }
}

public sealed class SqliteFirstStartKillTests(ITestOutputHelper output) : FirstStartKillTests(output)
{
    private protected override SweptPoint[] Points => [.. KillPlan.FirstStart, .. KillPlan.SqliteFirstStart];

    private protected override Task<string?> NewDatabaseAsync() => Task.FromResult<string?>(null);

    private protected override DbConnection Connect(CrewServer server, string? database) => SqliteFile.Connect(server);
}

public sealed class PostgresFirstStartKillTests(ITestOutputHelper output) : FirstStartKillTests(output)
{
    private protected override SweptPoint[] Points => [.. KillPlan.FirstStart, .. KillPlan.PostgresFirstStart];

    private protected override async Task<string?> NewDatabaseAsync() => await (await PostgresServer.SharedAsync()).CreateDatabaseAsync();

    private protected override DbConnection Connect(CrewServer server, string? database) => new NpgsqlConnection(database);
}
