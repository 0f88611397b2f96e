using Crew.Testing;
using Npgsql;

namespace Crew.Faults.Tests;

/// <summary>PostgreSQL stops at once and comes back, a replica takes its place: nothing acknowledged is lost.</summary>
public sealed class PostgresFaultTests(ITestOutputHelper output)
{
    private const int Least = 20;

    [Fact]
    public async Task Nothing_acknowledged_is_lost_when_the_database_stops_at_once_and_starts_again()
    {
        await using var mock = await NewMockAsync();
        await using var pair = await PostgresPair.StartAsync(withReplica: false);
        await using var server = await CrewServer.StartNewAsync(new CrewServerOptions { Providers = [mock], Database = pair.PrimaryConnectionString });
        var (key, tightKey) = await KillTests.SetUpAsync(server, mock);
        var told = new Acknowledged();
        for (var stop = 0; stop < Scale.Of(1, 30); stop++)
        {
            await UnderLoadAsync(new KillLoad(server, told, key, tightKey), async () =>
            {
                await pair.StopAtOnceAsync();
                await Task.Delay(Random.Shared.Next(0, 500));
                await pair.StartPrimaryAsync();
            });
            await new Auditor(() => new NpgsqlConnection(pair.PrimaryConnectionString + ";Pooling=false")).HoldSoonAsync(told, mock.Books);
            output.WriteLine($"stop {stop + 1}: {told.Count} acknowledged, {mock.Books.Received} billed");
        }
    }

    [Fact]
    public async Task Nothing_acknowledged_is_lost_when_a_synchronous_replica_is_promoted()
    {
        await using var mock = await NewMockAsync();
        await using var pair = await PostgresPair.StartAsync(withReplica: true);
        await using var server = await CrewServer.StartNewAsync(new CrewServerOptions { Providers = [mock], Database = pair.ConnectionString });
        var (key, tightKey) = await KillTests.SetUpAsync(server, mock);
        var told = new Acknowledged();
        await UnderLoadAsync(new KillLoad(server, told, key, tightKey), async () =>
        {
            await pair.StopAtOnceAsync();
            await pair.PromoteAsync();
        });
        await new Auditor(() => new NpgsqlConnection(pair.ConnectionString + ";Pooling=false")).HoldSoonAsync(told, mock.Books);
        output.WriteLine($"{told.Count} acknowledged, {mock.Books.Received} billed");
    }

    [Fact]
    public async Task Work_that_must_be_alone_is_refused_right_after_a_restart_of_the_database_beside_servers_that_come_back()
    {
        await using var pair = await PostgresPair.StartAsync(withReplica: false);
        await using var server = await CrewServer.StartNewAsync(new CrewServerOptions { Database = pair.PrimaryConnectionString });
        await pair.StopAtOnceAsync();

        // Longer than a lease runs: the server's row is old, and its lock is gone with its connection.
        await Task.Delay(2_500);
        await pair.StartPrimaryAsync();
        var refused = await server.CommandAsync("rotate-master-key", "--to-file", Path.Combine(server.Root, "next.key"));
        refused.ExitCode.ShouldBe(1, refused.Output);
        refused.Error.ShouldContain("(already_served)");
        (await server.StopAsync()).ShouldBe(0);
        var alone = await server.CommandAsync("rotate-master-key", "--to-file", Path.Combine(server.Root, "next.key"));
        alone.ExitCode.ShouldBe(0, alone.Error);
    }

    /// <summary>Load before, while and after something happens: it must come back by itself.</summary>
    private static async Task UnderLoadAsync(KillLoad load, Func<Task> happens)
    {
        using var stop = new CancellationTokenSource();
        var running = load.RunAsync(stop.Token);
        await load.ToldMoreAsync(Least);
        await happens();
        await load.ToldMoreAsync(Least);
        await stop.CancelAsync();
        await running;
    }

    private static async Task<MockProvider> NewMockAsync()
    {
        var mock = await MockProvider.StartAsync(new MockProviderOptions { KeptBodies = 0 });
        mock.Default = KillLoad.Speaks;
        return mock;
    }
}
