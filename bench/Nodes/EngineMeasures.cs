using System.Diagnostics;
using Crew.Bench.Load;
using Crew.Kernel;
using Crew.Storage;
using Crew.Testing;

namespace Crew.Bench.Nodes;

/// <summary>
/// Parts of a node inside this process: what a hold costs while leases last, and how many rows become durable. Three engines with pools,
/// committers and leases of their own over one PostgreSQL, and one over SQLite.
/// </summary>
internal sealed class EngineMeasures(NodesTable table, int seconds)
{
    private const int Nodes = 3;
    private const int RowsAtOnce = 1_024;
    private static readonly NanoUsd Plenty = new(1_000_000_000_000_000);

    public async Task RunAsync(PostgresServer postgres)
    {
        var nodes = await OpenAsync(await postgres.CreateDatabaseAsync());
        Holds(nodes);
        await RowsAsync("PostgreSQL, three engines", nodes);
        foreach (var node in nodes)
        {
            await node.DisposeAsync();
        }

        var folder = Directory.CreateTempSubdirectory("crew-bench-");
        var single = await LedgerNode.OpenAsync(new StoreOptions { DataFolder = folder.FullName });
        await single.AddBudgetsAsync(["key_1"], Plenty);
        await single.BeginAsync();
        await RowsAsync("SQLite, one engine", [single]);
        await single.DisposeAsync();
        folder.Delete(recursive: true);
    }

    private static async Task<LedgerNode[]> OpenAsync(string connection)
    {
        var nodes = new List<LedgerNode>();
        for (var node = 0; node < Nodes; node++)
        {
            nodes.Add(await LedgerNode.OpenAsync(new StoreOptions { DataFolder = Path.GetTempPath(), PostgresConnectionString = connection }));
        }

        await nodes[0].AddBudgetsAsync(["key_1"], Plenty);
        foreach (var node in nodes)
        {
            await node.BeginAsync();
        }

        return [.. nodes];
    }

    /// <summary>All engines at once, a thread each; the flush is not part of it.</summary>
    private void Holds(LedgerNode[] nodes)
    {
        var histogram = new Histogram();
        var threads = nodes.Select(node => new Thread(() =>
        {
            var scope = node.ScopeOf("key_1");
            var end = Stopwatch.GetTimestamp() + (Stopwatch.Frequency * seconds);
            while (Stopwatch.GetTimestamp() is var started && started < end)
            {
                var held = node.HoldAsync(scope);
                var hasWaited = !held.IsCompletedSuccessfully;
                var outcome = hasWaited ? held.AsTask().GetAwaiter().GetResult() : held.Result;
                LedgerNode.Settle(outcome.Value, isAudited: false);
                if (!hasWaited)
                {
                    histogram.Add((long)Stopwatch.GetElapsedTime(started).TotalNanoseconds);
                }
            }
        })).ToList();
        threads.ForEach(t => t.Start());
        threads.ForEach(t => t.Join());
        var median = histogram.At(0.5) / 1_000;
        table.Add("hold + settle under three strict budgets while leases last, three engines at once, p50", $"{median:0.00} µs", "≤ 5 µs", median <= 5);
        table.Add("the same, p99", $"{histogram.At(0.99) / 1_000:0.00} µs");
    }

    private async Task RowsAsync(string where, LedgerNode[] nodes)
    {
        await LoadAsync(nodes, TimeSpan.FromSeconds(1));
        var perSecond = await LoadAsync(nodes, TimeSpan.FromSeconds(seconds)) * 2;
        table.Add($"durable rows of audit and usage, {where}", $"{perSecond:0} rows/s", "≥ 10,000 rows/s", perSecond >= 10_000);
    }

    private static async Task<double> LoadAsync(LedgerNode[] nodes, TimeSpan time)
    {
        var (done, started) = (0L, Stopwatch.GetTimestamp());
        await Task.WhenAll(Enumerable.Range(0, RowsAtOnce).Select(worker => Task.Run(async () =>
        {
            var node = nodes[worker % nodes.Length];
            var scope = node.ScopeOf("key_1");
            while (Stopwatch.GetElapsedTime(started) < time)
            {
                var held = await node.HoldAsync(scope);
                if (held.Fault is null && await node.Store.Committer.AppendAsync(LedgerNode.Settle(held.Value, isAudited: true)))
                {
                    Interlocked.Increment(ref done);
                }
            }
        })));
        return done / Stopwatch.GetElapsedTime(started).TotalSeconds;
    }
}
