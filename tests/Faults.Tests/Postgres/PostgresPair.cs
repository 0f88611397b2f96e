using System.Globalization;
using Crew.Testing;
using Npgsql;

namespace Crew.Faults.Tests;

/// <summary>
/// A PostgreSQL that can be stopped at once and started again, with a streaming replica that can take its place. Both keep their port, and
/// syncs are on. One for each test, because it dies.
/// </summary>
internal sealed class PostgresPair : IAsyncDisposable
{
    private const string Binaries = "/usr/lib/postgresql/15/bin";
    private const string ReplicaName = "standby";

    private readonly string _folder;
    private readonly int _port = PostgresServer.FreePort();
    private readonly int _replicaPort = PostgresServer.FreePort();

    private PostgresPair(string folder) => _folder = folder;

    private string Primary => Path.Combine(_folder, "primary");

    private string Replica => Path.Combine(_folder, "replica");

    /// <summary>The login that owns the database; the first host that takes writes is used.</summary>
    public string ConnectionString => string.Create(CultureInfo.InvariantCulture,
        $"Host=127.0.0.1:{_port},127.0.0.1:{_replicaPort};Username=postgres;Database=crew;Target Session Attributes=primary;Timeout=2");

    /// <summary>One host only, for a server that knows of no replica.</summary>
    public string PrimaryConnectionString => string.Create(CultureInfo.InvariantCulture, $"Host=127.0.0.1;Port={_port};Username=postgres;Database=crew;Timeout=2");

    /// <summary>A server on a disk of its own, of so many mebibytes.</summary>
    public static async Task<(PostgresPair Pair, SmallDisk Disk)> StartSmallAsync(int mebibytes)
    {
        var pair = await MakeAsync();
        var disk = SmallDisk.Mount(pair.Primary, mebibytes);
        await GiveAsync(pair.Primary);
        await pair.BeginAsync("--wal-segsize=1");
        return (pair, disk);
    }

    public static async Task<PostgresPair> StartAsync(bool withReplica)
    {
        var pair = await MakeAsync();
        await pair.BeginAsync();
        if (withReplica)
        {
            await AsPostgresAsync("pg_basebackup", "-h", "127.0.0.1", "-p", Text(pair._port), "-U", "postgres", "-D", pair.Replica, "-c", "fast", "-X", "stream",
                "-R", "-d", $"application_name={ReplicaName}");
            await StartAsync(pair.Replica, pair._replicaPort);
            await pair.ExecuteAsync("postgres", $"ALTER SYSTEM SET synchronous_standby_names = '{ReplicaName}'");
            await pair.ExecuteAsync("postgres", "SELECT pg_reload_conf()");
            await pair.UntilSynchronousAsync();
        }

        return pair;
    }

    /// <summary>Lets the server's login own a folder.</summary>
    public static Task GiveAsync(string folder) => RunAsync("chown", Owner, folder);

    /// <summary>Whether the primary's postmaster is there; it ends when it cannot recover on a full disk.</summary>
    public bool IsRunning => File.Exists(Path.Combine(Primary, "postmaster.pid"))
        && Directory.Exists($"/proc/{File.ReadLines(Path.Combine(Primary, "postmaster.pid")).First()}");

    public string DataFolder => Primary;

    public Task StartPrimaryAsync() => StartAsync(Primary, _port);

    /// <summary>Stops as a crash does: no checkpoint, every session is cut.</summary>
    public Task StopAtOnceAsync() => AsPostgresAsync("pg_ctl", "-D", Primary, "-m", "immediate", "-w", "stop");

    public Task PromoteAsync() => AsPostgresAsync("pg_ctl", "-D", Replica, "-w", "promote");

    /// <summary>All processes of the primary stand still, with every connection open.</summary>
    public Task PauseAsync() => SignalAsync("-STOP");

    public Task ResumeAsync() => SignalAsync("-CONT");

    public async ValueTask DisposeAsync()
    {
        foreach (var data in new[] { Replica, Primary }.Where(data => File.Exists(Path.Combine(data, "postmaster.pid"))))
        {
            await AsPostgresAsync("pg_ctl", "-D", data, "-m", "immediate", "-w", "stop");
        }

        Directory.Delete(_folder, recursive: true);
    }

    private static async Task<PostgresPair> MakeAsync()
    {
        var folder = Path.Combine(Path.GetTempPath(), $"crew-pair-{Environment.ProcessId}-{Random.Shared.Next():x}");
        await RunAsync("install", "-d", "-m", "700", "-o", Owner, folder);
        return new PostgresPair(folder);
    }

    private async Task BeginAsync(params string[] options)
    {
        await AsPostgresAsync("initdb", ["-D", Primary, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", .. options]);
        await StartPrimaryAsync();
        await ExecuteAsync("postgres", "CREATE DATABASE crew ENCODING 'UTF8' TEMPLATE template0");
    }

    private static Task StartAsync(string data, int port) => AsPostgresAsync("pg_ctl", "-D", data, "-w", "-t", "60", "-l", data + ".log", "-o",
        $"-p {port} -c unix_socket_directories='' -c listen_addresses=127.0.0.1 -c max_connections=200 -c wal_level=replica -c hot_standby=on", "start");

    private async Task UntilSynchronousAsync()
    {
        for (var tries = 0; ; tries++)
        {
            await using var connection = new NpgsqlConnection($"{PrimaryConnectionString};Pooling=false");
            await connection.OpenAsync();
            await using var command = new NpgsqlCommand("SELECT count(*) FROM pg_stat_replication WHERE sync_state = 'sync'", connection);
            if ((long)(await command.ExecuteScalarAsync())! == 1)
            {
                return;
            }

            tries.ShouldBeLessThan(600, "the replica does not follow");
            await Task.Delay(100);
        }
    }

    public async Task ExecuteAsync(string database, string sql)
    {
        await using var connection = new NpgsqlConnection($"Host=127.0.0.1;Port={_port};Username=postgres;Database={database};Pooling=false");
        await connection.OpenAsync();
        await using var command = new NpgsqlCommand(sql, connection);
        await command.ExecuteNonQueryAsync();
    }

    private async Task SignalAsync(string signal)
    {
        var postmaster = (await File.ReadAllLinesAsync(Path.Combine(Primary, "postmaster.pid")))[0];
        var children = await File.ReadAllTextAsync($"/proc/{postmaster}/task/{postmaster}/children");
        await RunAsync("kill", [signal, postmaster, .. children.Split(' ', StringSplitOptions.RemoveEmptyEntries)]);
    }

    private static string Owner => Environment.IsPrivilegedProcess ? "postgres" : Environment.UserName;

    private static string Text(int port) => port.ToString(CultureInfo.InvariantCulture);

    private static Task AsPostgresAsync(string program, params string[] arguments) => Environment.IsPrivilegedProcess
        ? RunAsync("runuser", ["-u", "postgres", "--", Path.Combine(Binaries, program), .. arguments])
        : RunAsync(Path.Combine(Binaries, program), arguments);

    private static async Task RunAsync(string program, params string[] arguments)
    {
        // The server inherits what it is given: a redirected pipe would stay open as long as it runs, so output goes nowhere.
        var (code, _, _) = await ForgetfulDisk.RunAsync("/bin/sh", ["-c", "cd / && exec \"$@\" >/dev/null 2>&1 </dev/null", "sh", program, .. arguments]);
        code.ShouldBe(0, $"{Path.GetFileName(program)} {string.Join(' ', arguments)}");
    }
}
