using System.Diagnostics;
using Npgsql;

namespace Crew.Audit.Tests;

/// <summary>One PostgreSQL for this test process, in a temporary folder, gone when the process ends.</summary>
internal static class ThrowawayPostgres
{
    private const string Binaries = "/usr/lib/postgresql/15/bin";
    private static readonly Lazy<int> Port = new(Start);
    private static int _databases;

    public static bool IsAvailable => File.Exists(Path.Combine(Binaries, "initdb"));

    public static async Task<string> CreateDatabaseAsync()
    {
        var name = $"audit_{Interlocked.Increment(ref _databases)}";
        await using var connection = new NpgsqlConnection(To("postgres"));
        await connection.OpenAsync();
        await using var command = new NpgsqlCommand($"CREATE DATABASE {name}", connection);
        await command.ExecuteNonQueryAsync();
        return To(name);
    }

    private static string To(string database) => $"Host=127.0.0.1;Port={Port.Value};Username=postgres;Database={database};Pooling=true";

    private static int Start()
    {
        var folder = Path.Combine(Path.GetTempPath(), $"crew-audit-pg-{Environment.ProcessId}");
        var port = FreePort();
        Run("install", Environment.IsPrivilegedProcess ? ["-d", "-o", "postgres", "-g", "postgres", "-m", "700", folder] : ["-d", "-m", "700", folder]);
        Postgres("initdb", "-D", $"{folder}/data", "-U", "postgres", "-A", "trust", "--no-sync", "-E", "UTF8", "--locale=C.UTF-8");
        AppDomain.CurrentDomain.ProcessExit += (_, _) =>
        {
            Postgres("pg_ctl", "-D", $"{folder}/data", "-m", "immediate", "-w", "stop");
            Directory.Delete(folder, true);
        };
        Postgres("pg_ctl", "-D", $"{folder}/data", "-w", "-t", "30", "-l", $"{folder}/pg.log",
            "-o", $"-p {port} -k {folder} -c listen_addresses=127.0.0.1 -c fsync=off -c max_connections=300", "start");
        return port;
    }

    private static int FreePort()
    {
        using var probe = new System.Net.Sockets.TcpListener(System.Net.IPAddress.Loopback, 0);
        probe.Start();
        return ((System.Net.IPEndPoint)probe.LocalEndpoint).Port;
    }

    private static void Postgres(string program, params string[] arguments)
    {
        var path = $"{Binaries}/{program}";
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
        // The server inherits what it is given: a redirected pipe would stay open as long as it runs.
        using var process = Process.Start(new ProcessStartInfo("/bin/sh", ["-c", "exec \"$@\" >/dev/null 2>&1 </dev/null", program, program, .. arguments]))!;
        process.WaitForExit();
        process.ExitCode.ShouldBe(0, program);
    }
}
