using System.Diagnostics;
using System.Security.Cryptography;
using System.Text.Json;
using Npgsql;

// File modes are part of what these tests promise.
[assembly: System.Runtime.Versioning.UnsupportedOSPlatform("windows")]

namespace Crew.Host.Tests;

/// <summary>The real executable at a command line of its own: a folder for everything it writes, and an environment without settings.</summary>
internal sealed class Shell : IDisposable
{
    public Shell()
    {
        Folder = Directory.CreateTempSubdirectory("crew-shell-").FullName;
        Environment = new Dictionary<string, string>(StringComparer.Ordinal) { ["CREW_URLS"] = "http://127.0.0.1:7997" };
    }

    public string Folder { get; }

    /// <summary>Settings that every command gets.</summary>
    public Dictionary<string, string> Environment { get; }

    private static Lazy<Task<Shell>> Model { get; } = new(async () =>
    {
        var shell = new Shell();
        AppDomain.CurrentDomain.ProcessExit += (_, _) => shell.Dispose();
        await shell.InitAsync();
        return shell;
    });

    public static string NewKey() => Convert.ToBase64String(RandomNumberGenerator.GetBytes(32));

    public string At(string name) => Path.Combine(Folder, name);

    public async Task<CrewCommand> RunAsync(params string[] arguments)
    {
        using var process = Start(arguments);
        var (output, error) = (process.StandardOutput.ReadToEndAsync(), process.StandardError.ReadToEndAsync());
        await process.WaitForExitAsync();
        return new CrewCommand(process.ExitCode, await output, await error);
    }

    /// <summary>Starts a command that the test may kill.</summary>
    public Process Start(params string[] arguments)
    {
        var start = new ProcessStartInfo(CrewExecutable.Find())
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            WorkingDirectory = Folder,
        };
        Array.ForEach(arguments, start.ArgumentList.Add);
        foreach (var name in start.Environment.Keys.Where(k => k.StartsWith("CREW_", StringComparison.Ordinal)).ToList())
        {
            start.Environment.Remove(name);
        }

        foreach (var (name, value) in Environment)
        {
            start.Environment[name] = value;
        }

        var process = Process.Start(start)!;
        process.StandardInput.Close();
        return process;
    }

    /// <summary>
    /// An installation in <c>data</c>. Where the test gave no key and no database of its own, it is a copy of one that is made once:
    /// making it is what InitTests are about, and each costs the start of a process.
    /// </summary>
    public async Task InstallAsync()
    {
        if (Environment.ContainsKey("CREW_MASTER_KEY") || Environment.ContainsKey("CREW_DATABASE"))
        {
            await InitAsync();
            return;
        }

        var model = await Model.Value;
        Directory.CreateDirectory(At("data"), UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        foreach (var file in Directory.EnumerateFiles(model.At("data")))
        {
            File.Copy(file, At(Path.Combine("data", Path.GetFileName(file))));
        }

        File.Copy(model.At("data.key"), At("data.key"));
    }

    /// <summary>Runs a command that must succeed.</summary>
    public async Task<string> DoAsync(params string[] arguments)
    {
        var command = await RunAsync(arguments);
        command.ExitCode.ShouldBe(0, $"crew {string.Join(' ', arguments)}: {command.Error}");
        return command.Output;
    }

    public async Task<JsonElement> JsonAsync(params string[] arguments)
    {
        using var document = JsonDocument.Parse(await DoAsync(arguments));
        return document.RootElement.Clone();
    }

    /// <summary>Runs a command that must be refused with this code.</summary>
    public async Task RefusedAsync(string code, params string[] arguments)
    {
        var command = await RunAsync(arguments);
        command.Error.ShouldContain($"({code})");
        command.ExitCode.ShouldBe(1);
        command.Output.ShouldBeEmpty();
    }

    /// <summary>Every file below a folder with the hash of its bytes.</summary>
    public static SortedDictionary<string, string> Snapshot(string folder)
    {
        var files = new SortedDictionary<string, string>(StringComparer.Ordinal);
        foreach (var file in Directory.Exists(folder) ? Directory.EnumerateFiles(folder, "*", SearchOption.AllDirectories) : [])
        {
            files[Path.GetRelativePath(folder, file)] = Convert.ToHexString(SHA256.HashData(File.ReadAllBytes(file)));
        }

        return files;
    }

    /// <summary>How many tables and roles' schemas a PostgreSQL database holds.</summary>
    public static async Task<long> CountAsync(string database, string sql)
    {
        await using var connection = new NpgsqlConnection(new NpgsqlConnectionStringBuilder(database) { Pooling = false }.ConnectionString);
        await connection.OpenAsync();
        await using var command = new NpgsqlCommand(sql, connection);
        return Convert.ToInt64(await command.ExecuteScalarAsync(), System.Globalization.CultureInfo.InvariantCulture);
    }

    private Task<string> InitAsync() => DoAsync("init", "--data", "data", "--email", "owner@example.com", "--json");

    public void Dispose() => Directory.Delete(Folder, recursive: true);
}
