using System.Net;
using System.Net.Http.Json;
using Crew.Testing;

namespace Crew.Faults.Tests;

/// <summary>
/// The power goes while SQLite works: writes that were not synced are gone, all of them or some, syncs were slow or had failed, the disk was
/// full for a while. Nothing acknowledged is lost, and a failed sync was never taken for success.
/// </summary>
public sealed class PowerCutTests(ITestOutputHelper output)
{
    private const int Least = 8;
    private const int LongSyncUs = 900_000;

    [Fact]
    public async Task After_a_power_cut_nothing_acknowledged_is_lost()
    {
        var seed = Scale.Seed();
        output.WriteLine($"CREW_TEST_SEED={seed}");
        var random = new Random(seed);
        await using var mock = await MockProvider.StartAsync(new MockProviderOptions { KeptBodies = 0 });
        mock.Default = KillLoad.Speaks;
        await using var server = await CrewServer.StartNewAsync(new CrewServerOptions { Providers = [mock] });
        var (key, tightKey) = await KillTests.SetUpAsync(server, mock);
        (await server.StopAsync()).ShouldBe(0);
        using var disk = await ForgetfulDisk.UnderAsync(server);
        var auditor = new Auditor(() => SqliteFile.Connect(server));
        var (told, forgotten) = (new Acknowledged(), 0);
        Trouble[] troubles = [Trouble.None, Trouble.OneSyncFails, Trouble.SyncsFail, Trouble.OneWriteFails, Trouble.DiskIsFull];
        for (var round = 0; round < Scale.Of(troubles.Length, 150); round++)
        {
            var trouble = troubles[round % troubles.Length];
            disk.Calm();
            disk[DiskNumber.SyncDelayUs] = random.Next(2) == 0 ? 30_000 : 0;
            await server.StartAsync();
            await LoadAsync(server, disk, trouble, random, new KillLoad(server, told, key, tightKey));
            disk.Calm();
            var taken = await disk.ForgetAsync(random.Next(2) == 0 ? random : null);
            forgotten += taken;
            await server.StartAsync();
            await auditor.HoldAsync(told, mock.Books);
            await ServesAsync(server, key);
            server.Kill();
            await disk.ForgetAsync(null);
            output.WriteLine($"{trouble}: {told.Count} acknowledged, {disk[DiskNumber.Failures]} calls failed, {taken} pages taken back");
        }

        forgotten.ShouldBeGreaterThan(0, "no power cut hit a write that was under way");
        disk[DiskNumber.Syncs].ShouldBeGreaterThan(0, "the shim does not see the syncs");
        disk[DiskNumber.Mappings].ShouldBe(0, "writes through a mapping pass the shim by");
    }

    [Fact]
    public async Task An_installation_and_a_backup_that_were_announced_survive_a_power_cut()
    {
        await using var server = new CrewServer();
        using var disk = await ForgetfulDisk.UnderAsync(server);
        var made = await server.InitAsync();
        await disk.ForgetAsync(null);
        await server.StartAsync();
        (await server.GetAsync("/v1/me")).GetProperty("workspace_id").GetString().ShouldBe(made.WorkspaceId);
        var file = server.DataFolder + ".backup";
        (await server.CommandAsync("backup", "--data", server.DataFolder, "--to", file)).ExitCode.ShouldBe(0);
        server.Kill();
        await disk.ForgetAsync(null);
        File.Exists(file).ShouldBeTrue("the backup's name is gone");
        Directory.Delete(server.DataFolder, recursive: true);
        (await server.CommandAsync("restore", "--data", server.DataFolder, "--from", file)).ExitCode.ShouldBe(0);
        await disk.ForgetAsync(null);
        await server.StartAsync();
        (await server.GetAsync("/v1/me")).GetProperty("workspace_id").GetString().ShouldBe(made.WorkspaceId);
    }

    private static async Task LoadAsync(CrewServer server, ForgetfulDisk disk, Trouble trouble, Random random, KillLoad load)
    {
        using var stop = new CancellationTokenSource();
        var before = load.Told.Count;
        var running = load.RunAsync(stop.Token);
        await UntilAsync(() => load.Told.Count >= before + Least);
        if (trouble != Trouble.None)
        {
            var failures = disk[DiskNumber.Failures];
            Begin(disk, trouble, random.Next(1, 12));
            await UntilAsync(() => disk[DiskNumber.Failures] > failures);
            await Task.Delay(random.Next(0, 300));
            if (random.Next(2) == 0)
            {
                // Or the power goes while it still fails.
                disk.Calm();
                before = load.Told.Count;
                await UntilAsync(() => load.Told.Count >= before + Least);
            }
        }

        await Task.Delay(random.Next(0, 300));
        if (random.Next(2) == 0 || trouble == Trouble.None)
        {
            // Between a write and its sync.
            disk[DiskNumber.SyncDelayUs] = LongSyncUs;
            var writes = disk[DiskNumber.Writes];
            await UntilAsync(() => disk[DiskNumber.Writes] > writes);
        }

        server.Kill();
        await stop.CancelAsync();
        await running;
    }

    private static void Begin(ForgetfulDisk disk, Trouble trouble, int at)
    {
        if (trouble is Trouble.OneSyncFails or Trouble.SyncsFail)
        {
            disk.FailSyncs(at, sticky: trouble == Trouble.SyncsFail);
        }
        else
        {
            disk.FailWrites(at, sticky: trouble == Trouble.DiskIsFull, trouble == Trouble.DiskIsFull ? ForgetfulDisk.NoSpace : ForgetfulDisk.InputOutputError);
        }
    }

    private static async Task ServesAsync(CrewServer server, string key)
    {
        using var answer = await server.Client(key).PostAsJsonAsync("/v1/chat/completions",
            new { model = KillLoad.Model, max_tokens = 16, messages = new[] { new { role = "user", content = "hello" } } });
        answer.StatusCode.ShouldBe(HttpStatusCode.OK);
    }

    private static async Task UntilAsync(Func<bool> holds)
    {
        for (var waited = 0; !holds(); waited += 10)
        {
            waited.ShouldBeLessThan(60_000, "the server does not come back");
            await Task.Delay(10);
        }
    }

    private enum Trouble
    {
        None,
        OneSyncFails,
        SyncsFail,
        OneWriteFails,
        DiskIsFull,
    }
}
