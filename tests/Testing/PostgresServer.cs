using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Npgsql;

namespace Crew.Testing;

/// <summary>
/// A throwaway PostgreSQL, one for each test process, removed when it exits. With <c>CREW_TEST_POSTGRES</c> (an administrator's
/// connection string) that server is used instead and nothing is started.
/// </summary>
public sealed class PostgresServer : IAsyncDisposable
{
    private const string Binaries = "/usr/lib/postgresql/15/bin";
    private const string FolderPrefix = "crew-postgres-";

    private static readonly ConcurrentDictionary<int, bool> s_given = new();
    private static readonly Lazy<Task<PostgresServer>> SharedServer = new(StartAsync);

    private readonly string? _folder;
    private readonly string _admin;
    private readonly int _port;
    private readonly bool _isDurable;
    private int _databases;

    private PostgresServer(string admin, string? folder, int port = 0, bool isDurable = false) =>
        (_admin, _folder, _port, _isDurable) = (admin, folder, port, isDurable);

    /// <summary>Whether a test may count on a PostgreSQL here at all.</summary>
    public static bool IsAvailable => Given is not null || File.Exists(Path.Combine(Binaries, "initdb"));

    private static string? Given => Environment.GetEnvironmentVariable("CREW_TEST_POSTGRES") is { Length: > 0 } given ? given : null;

    /// <summary>Where the server keeps its files, for scans of them; null for a given server.</summary>
    public string? DataFolder => _folder is null ? null : Path.Combine(_folder, "data");

    public static Task<PostgresServer> SharedAsync() => SharedServer.Value;

    /// <summary>A server that no other test knows, so that it may be stopped.</summary>
    /// <param name="isDurable">Whether a commit is on the disk when it is answered, which tests have no need to wait for and measurements do.</param>
    public static Task<PostgresServer> StartNewAsync(bool isDurable = false) => Task.Run(() => Start(isDurable));

    /// <summary>Ends the server: <c>immediate</c> as a crash would, <c>fast</c> in order. <see cref="StartAgain"/> brings it back.</summary>
    public void Stop(string mode) => RunAsPostgres("pg_ctl", "-D", Path.Combine(Own(), "data"), "-m", mode, "-w", "stop");

    public void StartAgain() => Launch(Own(), _port, _isDurable);

    /// <summary>Makes an empty database and returns the connection string of its owner.</summary>
    public async Task<string> CreateDatabaseAsync()
    {
        var name = string.Create(CultureInfo.InvariantCulture,
            $"crew_test_{Environment.ProcessId}_{Interlocked.Increment(ref _databases)}_{Random.Shared.Next():x}");
        await ExecuteAsync($"CREATE DATABASE \"{name}\" ENCODING 'UTF8' TEMPLATE template0");
        return new NpgsqlConnectionStringBuilder(_admin) { Database = name }.ConnectionString;
    }

    public Task DropDatabaseAsync(string connectionString) =>
        ExecuteAsync($"DROP DATABASE IF EXISTS \"{new NpgsqlConnectionStringBuilder(connectionString).Database}\" WITH (FORCE)");

    /// <summary>Stops answering without closing a connection, as a stalled server would; <see cref="ResumeAsync"/> undoes it.</summary>
    public Task PauseAsync() => SignalAllAsync("-STOP");

    public Task ResumeAsync() => SignalAllAsync("-CONT");

    public ValueTask DisposeAsync()
    {
        if (_folder is not null)
        {
            Remove(_folder);
        }

        return ValueTask.CompletedTask;
    }

    private static Task<PostgresServer> StartAsync() =>
        Given is { } given ? Task.FromResult(new PostgresServer(given, null)) : Task.Run(() => Start(isDurable: false));

    private static PostgresServer Start(bool isDurable)
    {
        RemoveOrphans();
        var folder = Path.Combine(Path.GetTempPath(), string.Create(CultureInfo.InvariantCulture,
            $"{FolderPrefix}{Environment.ProcessId}-{Random.Shared.Next():x}"));
        string[] owner = Environment.IsPrivilegedProcess ? ["-o", "postgres", "-g", "postgres"] : [];
        Run("install", ["-d", "-m", "700", .. owner, folder]);
        AppDomain.CurrentDomain.ProcessExit += (_, _) => Remove(folder);
        var data = Path.Combine(folder, "data");
        RunAsPostgres("initdb", "-D", data, "-U", "postgres", "-A", "trust", "--no-sync", "-E", "UTF8", "--locale=C.UTF-8");
        var port = FreePort();
        Launch(folder, port, isDurable);
        return new PostgresServer($"Host=127.0.0.1;Port={port};Username=postgres;Database=postgres", folder, port, isDurable);
    }

    private static void Launch(string folder, int port, bool isDurable) =>
        RunAsPostgres("pg_ctl", "-D", Path.Combine(folder, "data"), "-w", "-t", "30", "-l", Path.Combine(folder, "server.log"), "-o",
            $"-p {port} -c unix_socket_directories='' -c listen_addresses=127.0.0.1 -c fsync={(isDurable ? "on" : "off")} -c max_connections=300", "start");

    private string Own() => _folder ?? throw new InvalidOperationException("Only a server that this process started can be stopped.");

    private async Task ExecuteAsync(string sql)
    {
        await using var connection = new NpgsqlConnection(new NpgsqlConnectionStringBuilder(_admin) { Pooling = false }.ConnectionString);
        await connection.OpenAsync();
        await using var command = new NpgsqlCommand(sql, connection);
        await command.ExecuteNonQueryAsync();
    }

    private async Task SignalAllAsync(string signal)
    {
        var folder = DataFolder ?? throw new InvalidOperationException("Only a server that this process started can be paused.");
        var postmaster = (await File.ReadAllLinesAsync(Path.Combine(folder, "postmaster.pid")))[0];
        var children = await File.ReadAllTextAsync($"/proc/{postmaster}/task/{postmaster}/children");
        Run("kill", [signal, postmaster, .. children.Split(' ', StringSplitOptions.RemoveEmptyEntries)]);
    }

    /// <summary>A test process that was killed could not clean up; its folder names it.</summary>
    private static void RemoveOrphans()
    {
        foreach (var folder in Directory.EnumerateDirectories(Path.GetTempPath(), FolderPrefix + "*"))
        {
            var owner = Path.GetFileName(folder)[FolderPrefix.Length..].Split('-')[0];
            if (!Directory.Exists($"/proc/{owner}"))
            {
                Remove(folder);
            }
        }
    }

    private static void Remove(string folder)
    {
        try
        {
            if (File.Exists(Path.Combine(folder, "data", "postmaster.pid")))
            {
                RunAsPostgres("pg_ctl", "-D", Path.Combine(folder, "data"), "-m", "immediate", "-w", "stop");
            }

            Directory.Delete(folder, recursive: true);
        }
        catch (Exception unremovable) when (unremovable is IOException or UnauthorizedAccessException or InvalidOperationException)
        {
            // Another run may be clearing the same orphan; what is left lies in the temporary folder.
        }
    }

    private static void RunAsPostgres(string program, params string[] arguments)
    {
        var path = Path.Combine(Binaries, program);
        if (Environment.IsPrivilegedProcess)
        {
            Run("runuser", ["-u", "postgres", "--", path, .. arguments]);
        }
        else
        {
            Run(path, arguments);
        }
    }

    private static void Run(string program, IEnumerable<string> arguments)
    {
        // The server inherits what it is given: a redirected pipe would stay open as long as it runs, so output goes nowhere.
        var start = new ProcessStartInfo("/bin/sh")
        {
            ArgumentList = { "-c", "exec \"$@\" >/dev/null 2>&1 </dev/null", "sh", program },
            WorkingDirectory = "/",
        };
        foreach (var argument in arguments)
        {
            start.ArgumentList.Add(argument);
        }

        using var process = Process.Start(start)!;
        process.WaitForExit();
        if (process.ExitCode != 0)
        {
            throw new InvalidOperationException($"{Path.GetFileName(program)} ended with {process.ExitCode}.");
        }
    }

    /// <summary>
    /// A port that nobody listens on, given out once: two servers that start at the same time must not get the same one, or the tests
    /// of one would talk to the other.
    /// </summary>
    public static int FreePort()
    {
        while (true)
        {
            using var listener = new TcpListener(IPAddress.Loopback, 0);
            listener.Start();
            if (((IPEndPoint)listener.LocalEndpoint).Port is var port && s_given.TryAdd(port, true))
            {
                return port;
            }
        }
    }
}
