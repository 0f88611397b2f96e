using Crew.Kernel;
using Crew.Testing;

namespace Crew.Faults.Tests;

/// <summary>
/// The process dies while it writes or takes in a backup. A file that bears the backup's name is whole, a place that serves holds all of
/// it, and doing it again works.
/// </summary>
public abstract class BackupKillTests(ITestOutputHelper output)
{
    private protected abstract SweptPoint[] RestorePoints { get; }

    private protected abstract Task<string?> NewDatabaseAsync();

    [Fact]
    public async Task A_backup_or_restore_that_dies_can_be_done_again()
    {
        var seed = Scale.Seed();
        output.WriteLine($"CREW_TEST_SEED={seed}");
        var random = new Random(seed);
        await using var source = await CrewServer.StartNewAsync(new CrewServerOptions { Database = await NewDatabaseAsync() });
        var key = await source.CreateKeyAsync(new NewKey { Permissions = ["models:read"] });
        var whole = Path.Combine(source.Root, "whole.backup");
        await DoAsync(source, "backup", "--to", whole);
        foreach (var kill in KillPlan.Draw(random, Scale.Of(2, 50), [.. KillPlan.Backup, .. RestorePoints]))
        {
            if (KillPlan.Backup.Any(point => point.Point == kill.Point))
            {
                await BackupDiesAsync(source, kill);
            }
            else
            {
                await RestoreDiesAsync(source, whole, key.Id, kill);
            }

            output.WriteLine($"{kill}: done again");
        }
    }

    private async Task BackupDiesAsync(CrewServer source, Kill kill)
    {
        var file = Path.Combine(source.Root, $"{Guid.NewGuid():n}.backup");
        await DieAsync(source, kill, "backup", "--to", file);
        if (File.Exists(file))
        {
            await using var target = await TargetAsync(source);
            await DoAsync(target, "restore", "--from", file);
        }

        await DoAsync(source, "backup", "--to", file, "--force");
    }

    private async Task RestoreDiesAsync(CrewServer source, string backup, string keyId, Kill kill)
    {
        await using var target = await TargetAsync(source);
        await DieAsync(target, kill, "restore", "--from", backup);
        var again = await target.CommandAsync(["restore", "--data", target.DataFolder, "--from", backup]);
        if (again.ExitCode != 0)
        {
            // Then the first one had come to its end, and said nothing any more.
            again.Error.ShouldContain("restore_target_not_empty", customMessage: kill.ToString());
        }

        await target.StartAsync();
        (await target.GetAsync($"/v1/api-keys/{keyId}", target.Client(source.Installation.ApiKeys.Live))).GetProperty("id").GetString().ShouldBe(keyId);
    }

    /// <summary>An empty place with the master key of the source.</summary>
    private async Task<CrewServer> TargetAsync(CrewServer source)
    {
        var target = new CrewServer(new CrewServerOptions { Database = await NewDatabaseAsync() });
        if (File.Exists(source.DataFolder + ".key"))
        {
            File.Copy(source.DataFolder + ".key", target.DataFolder + ".key");
        }

        target.Set("CREW_MASTER_KEY", source.Variable("CREW_MASTER_KEY"));
        return target;
    }

    private static async Task DieAsync(CrewServer server, Kill kill, params string[] arguments)
    {
        server.Set(CrashPoint.Variable, kill.Armed);
        var died = await server.CommandAsync([.. arguments, "--data", server.DataFolder]);
        died.ExitCode.ShouldBe(137, $"{kill}: {died.Error}");
        server.Set(CrashPoint.Variable, null);
    }

    private static async Task DoAsync(CrewServer server, params string[] arguments)
    {
        var done = await server.CommandAsync([.. arguments, "--data", server.DataFolder]);
        done.ExitCode.ShouldBe(0, done.Error);
    }
}

public sealed class SqliteBackupKillTests(ITestOutputHelper output) : BackupKillTests(output)
{
    private protected override SweptPoint[] RestorePoints => KillPlan.SqliteRestore;

    private protected override Task<string?> NewDatabaseAsync() => Task.FromResult<string?>(null);
}

public sealed class PostgresBackupKillTests(ITestOutputHelper output) : BackupKillTests(output)
{
    private protected override SweptPoint[] RestorePoints => KillPlan.PostgresRestore;

    private protected override async Task<string?> NewDatabaseAsync() => await (await PostgresServer.SharedAsync()).CreateDatabaseAsync();
}
