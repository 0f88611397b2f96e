using System.Net;
using System.Text.Json;

namespace Crew.Host.Tests;

public sealed class BackupTests
{
    public static TheoryData<string, string> Directions => new()
    {
        { "sqlite", "sqlite" }, { "sqlite", "postgres" }, { "postgres", "sqlite" }, { "postgres", "postgres" },
    };

    [Theory]
    [MemberData(nameof(Directions))]
    public async Task A_backup_taken_while_writing_restores_whole_and_the_old_keys_work(string from, string to)
    {
        Assert.SkipUnless(PostgresServer.IsAvailable, "There is no PostgreSQL here.");
        var master = Shell.NewKey();
        await using var source = await CrewServer.StartNewAsync(await OptionsAsync(from, master));
        var before = new List<CreatedKey>();
        for (var n = 0; n < 5; n++)
        {
            before.Add(await source.CreateKeyAsync(new NewKey { Name = $"before {n}", Permissions = ["models:read"] }));
        }

        using var stop = new CancellationTokenSource();
        var writing = Task.Run(async () =>
        {
            var made = 0;
            while (!stop.IsCancellationRequested)
            {
                await source.CreateKeyAsync(new NewKey { Name = $"during {made++}" });
            }

            return made;
        });
        await Task.Delay(300);
        var file = Path.Combine(source.Root, "copy.crew");
        var report = JsonDocument.Parse((await Succeeds(source, "backup", "--data", source.DataFolder, "--to", file, "--json")).Output).RootElement;
        await stop.CancelAsync();
        (await writing).ShouldBeGreaterThan(0);
        File.GetUnixFileMode(file).ShouldBe(UnixFileMode.UserRead | UnixFileMode.UserWrite);
        Directory.GetFiles(source.Root, "*.partial").ShouldBeEmpty();

        await using var target = new CrewServer(await OptionsAsync(to, master));
        var restored = JsonDocument.Parse((await Succeeds(target, "restore", "--data", target.DataFolder, "--from", file, "--json")).Output).RootElement;
        restored.GetProperty("tables").GetRawText().ShouldBe(report.GetProperty("tables").GetRawText());
        var again = JsonDocument.Parse((await Succeeds(target, "backup", "--data", target.DataFolder, "--to", file + "2", "--json")).Output).RootElement;

        // The restore and the second backup are on record themselves, on SQLite with their leaves.
        long Grown(string table) => again.GetProperty("tables").GetProperty(table).GetInt64() - report.GetProperty("tables").GetProperty(table).GetInt64();
        Grown("audit_leaves").ShouldBeInRange(0, Grown("audit_records"));
        string[] growing = ["audit_records", "audit_leaves", "storage_changes"];
        foreach (var table in report.GetProperty("tables").EnumerateObject().Where(t => !growing.Contains(t.Name)))
        {
            again.GetProperty("tables").GetProperty(table.Name).GetInt64().ShouldBe(table.Value.GetInt64(), table.Name);
        }

        await target.StartAsync();
        var client = target.Client(source.Installation.ApiKeys.Live);
        (await target.GetAsync("/v1/me", client)).ValueKind.ShouldBe(JsonValueKind.Object);
        using var narrow = await target.Client(before[0].Key).GetAsync(new Uri("/v1/me", UriKind.Relative));
        narrow.StatusCode.ShouldBe(HttpStatusCode.OK);
        foreach (var (id, _) in before)
        {
            (await target.GetAsync($"/v1/api-keys/{id}", client)).GetProperty("id").GetString().ShouldBe(id);
        }

        await target.CreateKeyAsync(new NewKey { Name = "after" }, client);
        (await source.GetAsync("/v1/me")).ValueKind.ShouldBe(JsonValueKind.Object);
    }

    [Theory]
    [MemberData(nameof(Directions))]
    public async Task Records_with_a_sequence_keep_it_and_the_others_get_theirs(string from, string to)
    {
        Assert.SkipUnless(PostgresServer.IsAvailable, "There is no PostgreSQL here.");
        var master = Shell.NewKey();
        await using var source = await CrewServer.StartNewAsync(await OptionsAsync(from, master));
        for (var n = 0; n < 3; n++)
        {
            await source.CreateKeyAsync(new NewKey { Name = $"key {n}" });
        }

        await Settled(source, source.Master);
        var sequenced = await LogAsync(source, source.Master);
        await source.StopAsync();

        // No server runs, so these wait for the sequencer in the backup.
        await Succeeds(source, "keys", "create", "--data", source.DataFolder, "--name", "one");
        await Succeeds(source, "keys", "create", "--data", source.DataFolder, "--name", "two");
        var file = Path.Combine(source.Root, "copy.crew");
        await Succeeds(source, "backup", "--data", source.DataFolder, "--to", file);
        await using var target = new CrewServer(await OptionsAsync(to, master));
        await Succeeds(target, "restore", "--data", target.DataFolder, "--from", file);
        await target.StartAsync();
        var client = target.Client(source.Installation.ApiKeys.Live);
        await Task.Delay(500);
        await Settled(target, client);
        var after = await LogAsync(target, client);
        foreach (var (id, sequence) in sequenced)
        {
            after[id].ShouldBe(sequence);
        }

        after.Values.Order().ShouldBe(Enumerable.Range(1, after.Count).Select(n => (long)n));
        after.Count.ShouldBeGreaterThan(sequenced.Count + 1);
    }

    [Theory]
    [InlineData("sqlite")]
    [InlineData("postgres")]
    public async Task A_damaged_backup_is_refused_and_leaves_nothing(string database)
    {
        Assert.SkipUnless(PostgresServer.IsAvailable, "There is no PostgreSQL here.");
        using var shell = new Shell();
        shell.Environment["CREW_MASTER_KEY"] = Shell.NewKey();
        await shell.InstallAsync();
        for (var extra = 0; extra < 2; extra++)
        {
            await shell.DoAsync("orgs", "create", "--data", "data", "--name", $"org {extra}", "--email", "owner@example.com");
        }

        await shell.DoAsync("backup", "--data", "data", "--to", "good.crew");
        var place = database == "postgres" ? await (await PostgresServer.SharedAsync()).CreateDatabaseAsync() : null;
        if (place is not null)
        {
            shell.Environment["CREW_DATABASE"] = place;
        }

        var good = await File.ReadAllBytesAsync(shell.At("good.crew"));
        var random = new Random(20261122);
        foreach (var broken in Damage(good, random))
        {
            await File.WriteAllBytesAsync(shell.At("broken.crew"), broken);
            await shell.RefusedAsync("file_damaged", "restore", "--data", "fresh", "--from", "broken.crew");
            Directory.Exists(shell.At("fresh")).ShouldBeFalse();
            if (place is not null)
            {
                (await Shell.CountAsync(place, "SELECT count(*) FROM pg_class WHERE relnamespace = 'public'::regnamespace")).ShouldBe(0);
            }
        }

        await shell.DoAsync("restore", "--data", "fresh", "--from", "good.crew");
        await shell.RefusedAsync("restore_target_not_empty", "restore", "--data", "fresh", "--from", "good.crew");
    }

    [Fact]
    public async Task A_wrong_key_is_told_from_damage()
    {
        using var shell = new Shell();
        await shell.InstallAsync();
        await shell.DoAsync("backup", "--data", "data", "--to", "b.crew");
        shell.Environment["CREW_MASTER_KEY"] = Shell.NewKey();
        await shell.RefusedAsync("wrong_master_key", "restore", "--data", "fresh", "--from", "b.crew");
        Directory.Exists(shell.At("fresh")).ShouldBeFalse();
    }

    [Fact]
    public async Task A_backup_for_a_recipient_opens_with_its_key_and_still_needs_the_master_key_for_the_data()
    {
        using var shell = new Shell();
        await File.WriteAllTextAsync(shell.At("recipient.key"), Shell.NewKey());
        await File.WriteAllTextAsync(shell.At("other.key"), Shell.NewKey());
        await shell.InstallAsync();
        await shell.DoAsync("backup", "--data", "data", "--to", "b.crew", "--recipient-key-file", "recipient.key");
        File.Copy(shell.At("data.key"), shell.At("fresh.key"));
        await shell.RefusedAsync("invalid_request", "restore", "--data", "fresh", "--from", "b.crew");
        await shell.RefusedAsync("wrong_recipient_key", "restore", "--data", "fresh", "--from", "b.crew", "--recipient-key-file", "other.key");
        shell.Environment["CREW_MASTER_KEY"] = Shell.NewKey();
        await shell.RefusedAsync("wrong_master_key", "restore", "--data", "fresh", "--from", "b.crew", "--recipient-key-file", "recipient.key");
        Directory.Exists(shell.At("fresh")).ShouldBeFalse();
        shell.Environment.Remove("CREW_MASTER_KEY");
        await shell.DoAsync("restore", "--data", "fresh", "--from", "b.crew", "--recipient-key-file", "recipient.key");
    }

    [Fact]
    public async Task A_file_is_written_over_only_with_force()
    {
        using var shell = new Shell();
        await shell.InstallAsync();
        await File.WriteAllTextAsync(shell.At("b.crew"), "mine");
        await shell.RefusedAsync("backup_exists", "backup", "--data", "data", "--to", "b.crew");
        (await File.ReadAllTextAsync(shell.At("b.crew"))).ShouldBe("mine");
        await shell.RefusedAsync("invalid_request", "backup", "--data", "data", "--to", "no/such/folder/b.crew");
        await shell.DoAsync("backup", "--data", "data", "--to", "b.crew", "--force");
        new FileInfo(shell.At("b.crew")).Length.ShouldBeGreaterThan(1_000);
    }

    /// <summary>Cut anywhere, a bit turned anywhere, bytes added, two halves changed places.</summary>
    private static IEnumerable<byte[]> Damage(byte[] good, Random random)
    {
        foreach (var length in new[] { 0, 41, 60, good.Length - 1, random.Next(100, good.Length - 1) })
        {
            yield return good[..length];
        }

        foreach (var place in new[] { 0, 9, 30, 70, random.Next(100, good.Length - 1) })
        {
            byte[] turned = [.. good];
            turned[place] ^= (byte)(1 << random.Next(8));
            yield return turned;
        }

        yield return [.. good, 0];
        yield return [.. good[..100], .. good[(good.Length / 2)..], .. good[100..(good.Length / 2)]];
    }

    private static async Task<CrewServerOptions> OptionsAsync(string database, string master) => new()
    {
        Database = database == "postgres" ? await (await PostgresServer.SharedAsync()).CreateDatabaseAsync() : null,
        Environment = new Dictionary<string, string?> { ["CREW_MASTER_KEY"] = master },
    };

    private static async Task<CrewCommand> Succeeds(CrewServer server, params string[] arguments)
    {
        var command = await server.CommandAsync(arguments);
        command.ExitCode.ShouldBe(0, $"crew {string.Join(' ', arguments)}: {command.Error}");
        return command;
    }

    /// <summary>Waits until every record of the log has its sequence.</summary>
    private static async Task Settled(CrewServer server, HttpClient by)
    {
        for (var attempt = 0; attempt < 100; attempt++)
        {
            // Each look writes a record of its own, so the newest ones may still wait.
            if ((await RecordsAsync(server, by)).Skip(3).All(r => r.GetProperty("sequence").ValueKind == JsonValueKind.Number))
            {
                return;
            }

            await Task.Delay(100);
        }

        Assert.Fail("The sequencer did not catch up.");
    }

    private static async Task<Dictionary<string, long>> LogAsync(CrewServer server, HttpClient by) =>
        (await RecordsAsync(server, by)).Where(r => r.GetProperty("sequence").ValueKind == JsonValueKind.Number)
            .ToDictionary(r => r.GetProperty("id").GetString()!, r => r.GetProperty("sequence").GetInt64());

    private static async Task<List<JsonElement>> RecordsAsync(CrewServer server, HttpClient by) =>
        [.. (await server.GetAsync("/v1/audit-logs?limit=100", by)).EnumerateArray()];
}
