using System.Security.Cryptography;
using Npgsql;

namespace Crew.Testing;

/// <summary>How a bed of nodes is laid out.</summary>
public sealed record NodeBedOptions
{
    public int Nodes { get; init; } = 3;

    /// <summary>A PostgreSQL of the bed's own, which may be stopped and started; else the one that all tests of the process share.</summary>
    public bool OwnPostgres { get; init; }

    /// <summary>Options of every node; database and master key are the bed's.</summary>
    public CrewServerOptions Server { get; init; } = new();
}

/// <summary>
/// Several real <c>crew serve</c> processes over one PostgreSQL, one master key and one installation: to be started, killed,
/// stopped in their tracks (SIGSTOP) and resumed one by one.
/// </summary>
public sealed class NodeBed : IAsyncDisposable
{
    /// <summary>Several cold processes on a machine that may have two cores for all of them and for other tests.</summary>
    private const int ReadyWithinSeconds = 180;

    private readonly List<CrewServer> _nodes = [];
    private readonly CrewServerOptions _server;
    private bool _isOwner;

    private NodeBed(NodeBedOptions options, PostgresServer postgres, string database)
    {
        (Postgres, Database) = (postgres, database);
        _server = options.Server with
        {
            Database = database,
            ReadyWithinSeconds = Math.Max(options.Server.ReadyWithinSeconds, ReadyWithinSeconds),
            Environment = new Dictionary<string, string?>(options.Server.Environment)
            {
                ["CREW_MASTER_KEY"] = Convert.ToBase64String(RandomNumberGenerator.GetBytes(32)),
            },
        };
    }

    public PostgresServer Postgres { get; }

    /// <summary>The connection string of the database's owner.</summary>
    public string Database { get; }

    public IReadOnlyList<CrewServer> Nodes => _nodes;

    public CrewServer this[int node] => _nodes[node];

    public CrewInstallation Installation => _nodes[0].Installation;

    /// <summary>A bed whose installation is made and whose nodes are ready.</summary>
    public static async Task<NodeBed> StartAsync(NodeBedOptions? options = null)
    {
        var bed = await EmptyAsync(options);
        try
        {
            await bed._nodes[0].InitAsync();
            foreach (var node in bed._nodes.Skip(1))
            {
                node.Join(bed._nodes[0].Installation);
            }

            await Task.WhenAll(bed._nodes.Select(node => node.StartAsync()));
            return bed;
        }
        catch
        {
            await bed.DisposeAsync();
            throw;
        }
    }

    /// <summary>A bed over an empty database, nothing of it started.</summary>
    public static async Task<NodeBed> EmptyAsync(NodeBedOptions? options = null)
    {
        options ??= new NodeBedOptions();
        var postgres = options.OwnPostgres ? await PostgresServer.StartNewAsync() : await PostgresServer.SharedAsync();
        var bed = new NodeBed(options, postgres, await postgres.CreateDatabaseAsync()) { _isOwner = options.OwnPostgres };
        for (var node = 0; node < options.Nodes; node++)
        {
            bed._nodes.Add(new CrewServer(bed._server));
        }

        return bed;
    }

    /// <summary>A further node, ready.</summary>
    /// <param name="executable">Another build of the product; null for the bed's.</param>
    public async Task<CrewServer> AddAsync(string? executable = null)
    {
        var node = new CrewServer(executable is null ? _server : _server with { Executable = executable });
        _nodes.Add(node);
        node.Join(Installation);
        await node.StartAsync();
        return node;
    }

    /// <summary>The same client for every node.</summary>
    public IReadOnlyList<HttpClient> Clients(string? key) => [.. _nodes.Select(node => node.Client(key))];

    /// <summary>Runs a statement as the database's owner.</summary>
    public async Task<int> ExecuteAsync(string sql)
    {
        await using var connection = await OpenAsync();
        await using var command = new NpgsqlCommand(sql, connection);
        return await command.ExecuteNonQueryAsync();
    }

    /// <summary>Reads one value as the database's owner.</summary>
    public async Task<T> ReadAsync<T>(string sql)
    {
        await using var connection = await OpenAsync();
        await using var command = new NpgsqlCommand(sql, connection);
        return (T)(await command.ExecuteScalarAsync())!;
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var node in _nodes)
        {
            await node.DisposeAsync();
        }

        if (_isOwner)
        {
            await Postgres.DisposeAsync();
        }
        else
        {
            await Postgres.DropDatabaseAsync(Database);
        }
    }

    private async Task<NpgsqlConnection> OpenAsync()
    {
        var connection = new NpgsqlConnection(new NpgsqlConnectionStringBuilder(Database) { Pooling = false }.ConnectionString);
        await connection.OpenAsync();
        return connection;
    }
}
