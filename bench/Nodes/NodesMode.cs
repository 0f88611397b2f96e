using System.Diagnostics;
using System.Globalization;
using Crew.Bench.Load;
using Crew.Kernel;
using Crew.Spend.Contracts;
using Crew.Storage;
using Crew.Testing;

namespace Crew.Bench.Nodes;

/// <summary>
/// Three nodes of the ledger over one PostgreSQL, all on this machine: what a hold costs while leases last, what one hot key costs
/// against many, how the database's work per request falls under load, how fast it goes on after an outage, and how many rows become
/// durable. The nodes are engines with pools, committers and leases of their own in this process; HTTP is measured elsewhere.
/// </summary>
internal sealed class NodesMode(int seconds)
{
    private const int Nodes = 3;
    private const int AtOnce = 256;
    private static readonly NanoUsd Plenty = new(1_000_000_000_000_000);
    private readonly List<(string Measure, string Figure, string Goal, bool? IsMet)> _rows = [];

    public static async Task<int> MainAsync(Arguments arguments)
    {
        if (!PostgresServer.IsAvailable)
        {
            Console.Error.WriteLine("There is no PostgreSQL here.");
            return 2;
        }

        var mode = new NodesMode(arguments.Number("seconds", arguments.Has("quick") ? 3 : 10));
        await mode.RunAsync();
        return mode._rows.Exists(r => r.IsMet == false) ? 1 : 0;
    }

    private async Task RunAsync()
    {
        var postgres = await PostgresServer.SharedAsync();
        string[] many = [.. Enumerable.Range(0, 10_000).Select(i => $"key_{i}")];
        var nodes = await OpenAsync(await postgres.CreateDatabaseAsync(), many);
        Say("hold and settle");
        Holds(nodes);
        Say("one hot key against 10,000");
        await HotKeyAsync(nodes, many);
        Say("work of the database");
        await CurveAsync(nodes);
        Say("after an outage");
        await OutageAsync(postgres, nodes);
        foreach (var node in nodes)
        {
            await node.DisposeAsync();
        }

        Say("durable rows");
        var alone = await OpenAsync(await postgres.CreateDatabaseAsync(), ["key_1"]);
        await RowsAsync("PostgreSQL, three nodes", alone);
        foreach (var node in alone)
        {
            await node.DisposeAsync();
        }

        var folder = Directory.CreateTempSubdirectory("crew-bench-");
        var single = await LedgerNode.OpenAsync(new StoreOptions { DataFolder = folder.FullName });
        await single.AddBudgetsAsync(["key_1"], Plenty);
        await single.BeginAsync();
        await RowsAsync("SQLite, one node", [single]);
        await single.DisposeAsync();
        folder.Delete(recursive: true);
        Print();
    }

    private static async Task<LedgerNode[]> OpenAsync(string connection, string[] keys)
    {
        var nodes = new List<LedgerNode>();
        for (var node = 0; node < Nodes; node++)
        {
            nodes.Add(await LedgerNode.OpenAsync(new StoreOptions { DataFolder = Path.GetTempPath(), PostgresConnectionString = connection }));
        }

        await nodes[0].AddBudgetsAsync(keys, Plenty);
        foreach (var node in nodes)
        {
            await node.BeginAsync();
        }

        return [.. nodes];
    }

    /// <summary>All nodes at once, a thread each; the flush is not part of it.</summary>
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
        Add("hold + settle over three strict budgets while leases last, p50", $"{median:0.00} µs", "≤ 5 µs", median <= 5);
        Add("the same, p99", $"{histogram.At(0.99) / 1_000:0.00} µs", "", null);
    }

    private async Task HotKeyAsync(LedgerNode[] nodes, string[] many)
    {
        // Every key has its lease before anything is measured.
        await Task.WhenAll(Enumerable.Range(0, AtOnce).Select(worker => Task.Run(async () =>
        {
            foreach (var scope in ScopesOf(nodes[worker % nodes.Length], many, worker))
            {
                await OnceAsync(nodes[worker % nodes.Length], scope);
            }
        })));
        var hot = await LoadAsync(nodes, AtOnce, ["key_1"], TimeSpan.FromSeconds(seconds));
        var spread = await LoadAsync(nodes, AtOnce, many, TimeSpan.FromSeconds(seconds));
        var hotAgain = await LoadAsync(nodes, AtOnce, ["key_1"], TimeSpan.FromSeconds(seconds));
        var share = (hot.PerSecond + hotAgain.PerSecond) / 2 / spread.PerSecond;
        Add("10,000 keys, 256 at a time, durable", $"{spread.PerSecond:0} requests/s", "", null);
        Add("one hot key against that", share.ToString("0.00", CultureInfo.InvariantCulture), "≥ 0.80", share >= 0.80);
    }

    private async Task CurveAsync(LedgerNode[] nodes)
    {
        var per = new List<double>();
        foreach (var atOnce in new[] { 3, 12, 48, 192, 768 })
        {
            var load = await LoadAsync(nodes, atOnce, ["key_1"], TimeSpan.FromSeconds(Math.Max(2, seconds / 2)));
            per.Add(load.TransactionsPerRequest);
            Add($"transactions per request, {atOnce} at a time", $"{load.TransactionsPerRequest:0.000} ({load.PerSecond:0} requests/s)", "", null);
        }

        Add("falls with the load", per.Zip(per.Skip(1), (before, after) => after < before).All(x => x) ? "yes, at every step" : "not at every step", "falls",
            per[^1] < per[0] / 4);
    }

    /// <summary>PostgreSQL stands still for three seconds; then the first durable request of each node counts.</summary>
    private async Task OutageAsync(PostgresServer postgres, LedgerNode[] nodes)
    {
        await postgres.PauseAsync();
        await Task.Delay(TimeSpan.FromSeconds(3));
        await postgres.ResumeAsync();
        var back = Stopwatch.GetTimestamp();
        var first = await Task.WhenAll(nodes.Select(async node =>
        {
            var scope = node.ScopeOf("key_1");
            while (!await OnceAsync(node, scope))
            {
                await Task.Delay(10);
            }

            return Stopwatch.GetElapsedTime(back).TotalMilliseconds;
        }));
        Add("first durable request on every node after PostgreSQL stood still for 3 s", $"{first.Max():0} ms", "≤ 1,000 ms", first.Max() <= 1_000);
    }

    private async Task RowsAsync(string where, LedgerNode[] nodes)
    {
        await LoadAsync(nodes, 1_024, ["key_1"], TimeSpan.FromSeconds(1));
        var load = await LoadAsync(nodes, 1_024, ["key_1"], TimeSpan.FromSeconds(seconds));
        Add($"durable audit and usage rows, {where}", $"{load.PerSecond * 2:0} rows/s", "≥ 10,000 rows/s", load.PerSecond * 2 >= 10_000);
    }

    private static async Task<(double PerSecond, double TransactionsPerRequest)> LoadAsync(LedgerNode[] nodes, int atOnce, string[] keys, TimeSpan time)
    {
        long Transactions() => nodes.Sum(n => n.Store.Committer.Commits + n.Extensions);
        var (before, done, started) = (Transactions(), 0L, Stopwatch.GetTimestamp());
        await Task.WhenAll(Enumerable.Range(0, atOnce).Select(worker => Task.Run(async () =>
        {
            var node = nodes[worker % nodes.Length];
            var scopes = keys.Length == 1 ? [node.ScopeOf(keys[0])] : ScopesOf(node, keys, worker);
            for (var turn = 0; Stopwatch.GetElapsedTime(started) < time; turn++)
            {
                if (await OnceAsync(node, scopes[turn % scopes.Length]))
                {
                    Interlocked.Increment(ref done);
                }
            }
        })));
        return (done / Stopwatch.GetElapsedTime(started).TotalSeconds, (double)(Transactions() - before) / Math.Max(1, done));
    }

    private static SpendScope[] ScopesOf(LedgerNode node, string[] keys, int worker) =>
        [.. keys.Where((_, i) => i % AtOnce == worker).Select(node.ScopeOf)];

    private static async Task<bool> OnceAsync(LedgerNode node, SpendScope scope)
    {
        var held = await node.HoldAsync(scope);
        return held.Fault is null && await node.Store.Committer.AppendAsync(LedgerNode.Settle(held.Value, isAudited: true));
    }

    private static void Say(string what) => Console.Error.WriteLine($"{what} …");

    private void Add(string measure, string figure, string goal, bool? isMet) => _rows.Add((measure, figure, goal, isMet));

    private void Print()
    {
        Console.WriteLine("| three nodes over one PostgreSQL, all on this machine | measured | goal | |");
        Console.WriteLine("| --- | --- | --- | --- |");
        foreach (var (measure, figure, goal, isMet) in _rows)
        {
            Console.WriteLine($"| {measure} | {figure} | {goal} | {(isMet is null ? "" : isMet.Value ? "met" : "missed")} |");
        }
    }
}
