using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Text;
using Crew.Bench.Control;
using Crew.Bench.Load;
using Crew.Testing;
using Npgsql;

namespace Crew.Bench.Nodes;

/// <summary>
/// Three real nodes under load: what one hot key costs against many, how the database's work for a request falls as load grows, and how
/// fast they serve again after the database was away.
/// </summary>
internal sealed class NodeMeasures(NodesTable table, RealNodes nodes, int seconds)
{
    private const int HotConnectionsPerNode = 64;
    private const int AwaySeconds = 3;
    private const int OpenConnectionsPerNode = 64;
    private static readonly int[] Rates = [30, 120, 480];
    private static readonly int[] Connections = [12, 48, 192, 768];

    private TimeSpan Duration => TimeSpan.FromSeconds(seconds);

    private static TimeSpan Warmup => TimeSpan.FromSeconds(2);

    public async Task HotKeyAsync()
    {
        // Each key at one node, as behind a balancer that keeps clients where they are. Every key has its leases before anything is measured.
        IReadOnlyList<string>[] shares = [.. nodes.Servers.Select((_, node) => (IReadOnlyList<string>)[.. nodes.Keys.Where((_, at) => at % nodes.Servers.Count == node)])];
        string[] hot = [nodes.HotKey];
        Task<NodesLoad> Closed(Func<int, IReadOnlyList<string>> keysOf, TimeSpan duration) =>
            nodes.LoadAsync(keysOf, Warmup, duration, plan => LoadLoops.ClosedAsync(plan, HotConnectionsPerNode));
        for (var warmed = 0L; warmed < 2 * nodes.Keys.Count;)
        {
            warmed += Math.Max(1, (await Closed(node => shares[node], Duration)).Done);
        }

        var before = await Closed(_ => hot, Duration);
        var spread = await Closed(node => shares[node], Duration);
        var after = await Closed(_ => hot, Duration);
        var share = (before.PerSecond + after.PerSecond) / 2 / spread.PerSecond;
        var count = nodes.Keys.Count.ToString("N0", CultureInfo.InvariantCulture);
        table.Add($"{count} keys, {HotConnectionsPerNode * nodes.Servers.Count} connections", Figure(spread));
        table.Add("one hot key, before and after that", $"{Figure(before)}, {Figure(after)}");
        table.Add($"one hot key against {count}", share.ToString("0.00", CultureInfo.InvariantCulture), "≥ 0.80", share >= 0.80);
    }

    public async Task CurveAsync()
    {
        var idle = (Before: await nodes.DatabaseWorkAsync(TimeSpan.Zero), After: await nodes.DatabaseWorkAsync(Duration));
        table.Add("no requests: transactions a second of three nodes", Text((idle.After.Transactions - idle.Before.Transactions) / Duration.TotalSeconds));
        var per = new List<double>();
        foreach (var rate in Rates)
        {
            Add($"{rate} requests a second", await nodes.LoadAsync(_ => [nodes.HotKey], Warmup, Duration,
                plan => LoadLoops.OpenAsync(plan, rate / nodes.Servers.Count, OpenConnectionsPerNode)), per);
        }

        foreach (var connections in Connections)
        {
            Add($"as many as go, {connections} connections", await nodes.LoadAsync(_ => [nodes.HotKey], Warmup, Duration,
                plan => LoadLoops.ClosedAsync(plan, connections / nodes.Servers.Count)), per);
        }

        var falls = per.Zip(per.Skip(1), (before, after) => after < before).All(x => x);
        table.Add("transactions per request fall with the load", falls ? "at every step" : "not at every step", "falls", per[^1] < per[0] / 4);
    }

    /// <summary>How long after the database's return the first request is served, on the node that takes longest.</summary>
    public async Task OutageAsync(PostgresServer postgres)
    {
        await postgres.PauseAsync();
        await Task.Delay(TimeSpan.FromSeconds(AwaySeconds));
        await postgres.ResumeAsync();
        await ServedAsync($"served again on every node after PostgreSQL stood still for {AwaySeconds} s", Stopwatch.GetTimestamp());

        postgres.Stop("immediate");
        await Task.Delay(TimeSpan.FromSeconds(AwaySeconds));
        var starting = Task.Run(postgres.StartAgain);
        var back = await AcceptsAsync();
        await ServedAsync($"served again on every node after PostgreSQL crashed and was away for {AwaySeconds} s", back);
        await starting;
    }

    private void Add(string load, NodesLoad result, List<double> per)
    {
        per.Add(result.TransactionsPerRequest);
        table.Add($"{load}: transactions and disk syncs per request", string.Create(CultureInfo.InvariantCulture,
            $"{result.TransactionsPerRequest:0.000}, {result.SyncsPerRequest:0.000} ({Figure(result)})"));
    }

    private async Task ServedAsync(string measure, long back)
    {
        var body = $$"""{"model":"{{MockMode.Instant}}","max_tokens":16,"messages":[{"role":"user","content":"hello"}]}""";
        var served = await Task.WhenAll(nodes.Servers.Select(server => Task.Run(async () =>
        {
            var client = server.Client(nodes.HotKey);
            while (true)
            {
                using var content = new StringContent(body, Encoding.UTF8, "application/json");
                using var answer = await client.PostAsync(new Uri("/v1/chat/completions", UriKind.Relative), content);
                if (answer.StatusCode == HttpStatusCode.OK)
                {
                    return Stopwatch.GetElapsedTime(back).TotalMilliseconds;
                }

                await Task.Delay(5);
            }
        })));
        table.Add(measure, $"{served.Max():0} ms", "≤ 1,000 ms", served.Max() <= 1_000);
    }

    /// <summary>The moment at which PostgreSQL takes connections again.</summary>
    private async Task<long> AcceptsAsync()
    {
        while (true)
        {
            try
            {
                await using var connection = new NpgsqlConnection(new NpgsqlConnectionStringBuilder(nodes.Database) { Pooling = false }.ConnectionString);
                await connection.OpenAsync();
                return Stopwatch.GetTimestamp();
            }
            catch (NpgsqlException)
            {
                await Task.Delay(5);
            }
        }
    }

    private static string Figure(NodesLoad load) =>
        string.Create(CultureInfo.InvariantCulture, $"{load.PerSecond:0} requests/s") + (load.Failed > 0 ? $", {load.Failed} failed" : "");

    private static string Text(double value) => value.ToString("0.0", CultureInfo.InvariantCulture);
}
