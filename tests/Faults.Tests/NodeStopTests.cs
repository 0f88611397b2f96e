using Crew.Testing;
using Npgsql;

namespace Crew.Faults.Tests;

/// <summary>A node stands still in the middle of its requests and goes on later: what it owed is settled late, once, and the cap holds.</summary>
public sealed class NodeStopTests(ITestOutputHelper output)
{
    private const int Least = 20;
    private static readonly TimeSpan StandsStill = TimeSpan.FromSeconds(4);

    [Fact]
    public async Task A_node_that_stood_still_settles_late_and_no_cap_is_passed()
    {
        await using var mock = await MockProvider.StartAsync(new MockProviderOptions { KeptBodies = 0 });
        mock.Default = KillLoad.Speaks with { LatencyMinMs = 20, LatencyMaxMs = 200 };
        await using var bed = await NodeBed.StartAsync(new NodeBedOptions { Nodes = Scale.Of(2, 3), Server = new CrewServerOptions { Providers = [mock] } });
        var (key, tightKey) = await KillTests.SetUpAsync(bed[0], mock);
        var told = new Acknowledged();
        var loads = bed.Nodes.Select(node => new KillLoad(node, told, key, tightKey)).ToArray();
        using var stop = new CancellationTokenSource();
        var running = loads.Select(load => load.RunAsync(stop.Token)).ToArray();
        for (var round = 0; round < Scale.Of(1, 10); round++)
        {
            await loads[0].ToldMoreAsync(Least);
            bed[1].Pause();
            await Task.Delay(StandsStill);
            await loads[0].ToldMoreAsync(Least);
            bed[1].Resume();
            await loads[0].ToldMoreAsync(Least);
        }

        await stop.CancelAsync();
        await Task.WhenAll(running);
        await new Auditor(() => new NpgsqlConnection(bed.Database)).HoldSoonAsync(told, mock.Books);
        output.WriteLine($"{told.Count} acknowledged, {mock.Books.Received} billed");
    }
}
