using Crew.Bench.Control;
using Crew.Bench.Load;
using Crew.Bench.Run;
using Crew.Testing;
using Npgsql;

namespace Crew.Bench.Nodes;

/// <summary>Three real nodes over one database, a mock provider in a process of its own, and many keys with a strict budget each.</summary>
internal sealed class RealNodes : IAsyncDisposable
{
    private const int Nodes = 3;
    private const int MakersPerNode = 4;
    private const int BodyBytes = 1_024;
    private const int LimitPerMinute = 1_000_000;
    private readonly Child _mock;
    private readonly List<CrewServer> _servers = [];

    private RealNodes(Child mock, string database) => (_mock, Database) = (mock, database);

    public string Database { get; }

    public IReadOnlyList<CrewServer> Servers => _servers;

    /// <summary>The key that all load of one hot key uses, on every node.</summary>
    public string HotKey { get; private set; } = "";

    public IReadOnlyList<string> Keys { get; private set; } = [];

    public static async Task<RealNodes> StartAsync(PostgresServer postgres, int keys, string? executable)
    {
        var mock = await Child.StartAsync("mock");
        var nodes = new RealNodes(mock, await postgres.CreateDatabaseAsync());
        var options = new CrewServerOptions
        {
            Executable = executable ?? CrewExecutable.Find("publish/Host/release", "bin/Host/release"),
            Egress = [$"provider@{mock.Url.Authority}"],
            Database = nodes.Database,
            Environment = new Dictionary<string, string?> { ["CREW_MASTER_KEY"] = Convert.ToBase64String(System.Security.Cryptography.RandomNumberGenerator.GetBytes(32)) },
        };
        for (var node = 0; node < Nodes; node++)
        {
            nodes._servers.Add(new CrewServer(options));
        }

        await nodes._servers[0].InitAsync();
        foreach (var server in nodes._servers)
        {
            server.Join(nodes._servers[0].Installation);
            await server.StartAsync();
        }

        await nodes.GovernAsync(keys);
        return nodes;
    }

    /// <summary>The same load on every node at once.</summary>
    /// <param name="keysOf">The keys that are used at a node, in turn.</param>
    /// <param name="run">How it is put on one node.</param>
    public async Task<NodesLoad> LoadAsync(Func<int, IReadOnlyList<string>> keysOf, TimeSpan warmup, TimeSpan duration, Func<LoadPlan, Task<LoadResult>> run)
    {
        var before = DatabaseWorkAsync(warmup);
        var running = _servers.Select((server, node) => Task.Run(() =>
            run(new LoadPlan(new LoadTarget(new Uri(server.Address, "/v1/chat/completions"), MockMode.Instant, keysOf(node), BodyBytes), warmup, duration, [])))).ToList();
        var (began, after) = (await before, await DatabaseWorkAsync(duration));
        var results = await Task.WhenAll(running);
        return new NodesLoad(
            results.Sum(r => r.Done), results.Sum(r => r.Refused + r.Broken), results.Max(r => r.Seconds), after.Transactions - began.Transactions, after.Syncs - began.Syncs);
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var server in _servers)
        {
            await server.DisposeAsync();
        }

        _mock.Dispose();
    }

    /// <summary>What PostgreSQL has counted, after a wait.</summary>
    public async Task<(long Transactions, long Syncs)> DatabaseWorkAsync(TimeSpan wait)
    {
        await Task.Delay(wait);
        await using var connection = new NpgsqlConnection(new NpgsqlConnectionStringBuilder(Database) { Pooling = false }.ConnectionString);
        await connection.OpenAsync();
        await using var command = new NpgsqlCommand(
            "SELECT (SELECT xact_commit + xact_rollback FROM pg_stat_database WHERE datname = current_database()), (SELECT wal_sync FROM pg_stat_wal)", connection);
        await using var reader = await command.ExecuteReaderAsync();
        await reader.ReadAsync();
        return (reader.GetInt64(0), reader.GetInt64(1));
    }

    private async Task GovernAsync(int keys)
    {
        var first = _servers[0];
        var provider = await first.CreateProviderAtAsync(new Uri(_mock.Url, "/v1"), "bench-provider-credential");
        await first.CreateModelAsync(new NewModel { Id = MockMode.Instant, ProviderId = provider });
        await first.CreateBudgetAsync("organization", "1000000.00", "month");
        await first.CreateBudgetAsync("workspace", "1000000.00", "month");
        var maker = await first.CreateKeyAsync(new NewKey
        {
            Name = "maker",
            Permissions = ["models:invoke", "api_keys:write", "budgets:write"],
            RateLimitPerMinute = LimitPerMinute,
        });
        var made = new string[keys + 1];
        var next = -1;
        await Task.WhenAll(_servers.SelectMany(server => Enumerable.Range(0, MakersPerNode).Select(_ => Task.Run(async () =>
        {
            var client = server.Client(maker.Key);
            while (Interlocked.Increment(ref next) is var at && at < made.Length)
            {
                made[at] = (await server.CreateKeyAsync(
                    new NewKey { Name = $"bench {at}", Budget = new NewKeyBudget("100000.00", "month"), RateLimitPerMinute = LimitPerMinute }, client)).Key;
            }
        }))));
        (HotKey, Keys) = (made[0], made[1..]);
    }
}

/// <summary>What a load on all nodes came to, and what PostgreSQL did meanwhile.</summary>
internal sealed record NodesLoad(long Done, long Failed, double Seconds, long Transactions, long Syncs)
{
    public double PerSecond => Seconds > 0 ? Done / Seconds : 0;

    public double TransactionsPerRequest => (double)Transactions / Math.Max(1, Done);

    public double SyncsPerRequest => (double)Syncs / Math.Max(1, Done);
}
