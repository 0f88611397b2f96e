using System.Data.Common;
using Crew.Testing;
using Microsoft.Data.Sqlite;
using Npgsql;

namespace Crew.Faults.Tests;

/// <summary>
/// The process dies at every named point of the way of a request and of a change, on both databases. Whatever was acknowledged is on
/// record afterwards, nothing twice; the ledger is the provider's bill, and what died unrecorded is covered by leased capacity.
/// </summary>
public abstract class KillTests(ITestOutputHelper output)
{
    private const int KillsPerInstallation = 40;
    private static readonly TimeSpan ReachedWithin = TimeSpan.FromSeconds(120);

    private protected abstract SweptPoint[] Points { get; }

    private protected abstract Task<string?> NewDatabaseAsync();

    private protected abstract DbConnection Connect(CrewServer server, string? database);

    [Fact]
    public async Task Nothing_acknowledged_is_lost_or_doubled_wherever_the_process_dies()
    {
        var seed = Scale.Seed();
        output.WriteLine($"CREW_TEST_SEED={seed}");
        var random = new Random(seed);
        var plan = KillPlan.Draw(random, Scale.Of(5, 400), Points).ToList();
        plan.AddRange(Enumerable.Range(0, Scale.Of(1, 20)).Select(_ => new Kill(null, random.Next(50, 1_500))));

        // In equal parts: an installation of one or two kills may die before anything is acknowledged.
        var installations = (plan.Count + KillsPerInstallation - 1) / KillsPerInstallation;
        foreach (var kills in plan.Chunk((plan.Count + installations - 1) / installations))
        {
            await SweepAsync(kills);
        }
    }

    private async Task SweepAsync(IReadOnlyList<Kill> kills)
    {
        await using var mock = await MockProvider.StartAsync(new MockProviderOptions { KeptBodies = 0 });
        mock.Default = KillLoad.Speaks;
        var database = await NewDatabaseAsync();
        await using var server = await CrewServer.StartNewAsync(new CrewServerOptions { Providers = [mock], Database = database });
        var load = await SetUpAsync(server, mock);
        var auditor = new Auditor(() => Connect(server, database));
        var told = new Acknowledged();
        (await server.StopAsync()).ShouldBe(0);
        foreach (var kill in kills)
        {
            var before = told.Count;
            server.Set(Crew.Kernel.CrashPoint.Variable, kill.Armed);
            if (await StartAsync(server))
            {
                await DieAsync(server, kill, new KillLoad(server, told, load.Key, load.TightKey));
            }

            server.Set(Crew.Kernel.CrashPoint.Variable, null);
            await server.StartAsync();
            await HoldAsync(kill, () => auditor.HoldAsync(told, mock.Books));
            server.Kill();
            output.WriteLine($"{kill}: {told.Count - before} acknowledged, {mock.Books.Received} billed so far");
        }

        told.Answers.ShouldNotBeEmpty();
        await server.StartAsync();
        var doctor = await server.CommandAsync("doctor", "--data", server.DataFolder);
        doctor.Output.ShouldContain("equals the ledger");
    }

    internal static async Task<(string Key, string TightKey)> SetUpAsync(CrewServer server, MockProvider mock)
    {
        var provider = await server.CreateProviderAsync(mock);
        await server.CreateModelAsync(new NewModel { Id = KillLoad.Model, ProviderId = provider });
        await server.CreateModelAsync(new NewModel { Id = KillLoad.TightModel, ProviderId = provider });
        await server.CreateBudgetAsync("workspace", "1000.00", "total", "strict");
        var key = await server.CreateKeyAsync(new NewKey { AllowedModels = [KillLoad.Model] });
        var tight = await server.CreateKeyAsync(new NewKey { AllowedModels = [KillLoad.TightModel], Budget = new NewKeyBudget("0.10") });
        return (key.Key, tight.Key);
    }

    /// <summary>False when it died while it started, which some points ask for.</summary>
    private static async Task<bool> StartAsync(CrewServer server)
    {
        try
        {
            await server.StartAsync();
            return true;
        }
        catch (InvalidOperationException died) when (died.Message.Contains("ended with 137", StringComparison.Ordinal))
        {
            return false;
        }
    }

    private static async Task DieAsync(CrewServer server, Kill kill, KillLoad load)
    {
        using var stop = new CancellationTokenSource();
        var running = load.RunAsync(stop.Token);
        var ended = await server.EndedAsync(kill.Point is null ? TimeSpan.FromMilliseconds(kill.Pass) : ReachedWithin);
        server.Kill();
        await stop.CancelAsync();
        await running;
        ended.ShouldBe(kill.Point is not null, $"{kill} was not reached");
    }

    private static async Task HoldAsync(Kill kill, Func<Task> audit)
    {
        try
        {
            await audit();
        }
        catch (ShouldAssertException broken)
        {
            throw new ShouldAssertException($"After the death at {kill}: {broken.Message}", broken);
        }
    }
}

public sealed class SqliteKillTests(ITestOutputHelper output) : KillTests(output)
{
    private protected override SweptPoint[] Points => [.. KillPlan.UnderLoad, .. KillPlan.SqliteUnderLoad];

    private protected override Task<string?> NewDatabaseAsync() => Task.FromResult<string?>(null);

    private protected override DbConnection Connect(CrewServer server, string? database) => SqliteFile.Connect(server);
}

public sealed class PostgresKillTests(ITestOutputHelper output) : KillTests(output)
{
    private protected override SweptPoint[] Points => [.. KillPlan.UnderLoad, .. KillPlan.PostgresUnderLoad];

    private protected override async Task<string?> NewDatabaseAsync() => await (await PostgresServer.SharedAsync()).CreateDatabaseAsync();

    private protected override DbConnection Connect(CrewServer server, string? database) => new NpgsqlConnection(database);
}

/// <summary>The server's database, read by this process beside it.</summary>
internal static class SqliteFile
{
    static SqliteFile() => SQLitePCL.Batteries_V2.Init();

    public static SqliteConnection Connect(CrewServer server) => new($"Data Source={Path.Combine(server.DataFolder, "crew.db")};Mode=ReadOnly;Pooling=False");
}
