using System.Net;

namespace Crew.Host.Tests;

public sealed class MasterKeyTests
{
    [Fact]
    public async Task After_a_rotation_only_the_new_key_opens_the_installation()
    {
        await using var server = await CrewServer.StartNewAsync();
        var key = server.DataFolder + ".key";
        var next = Path.Combine(server.Root, "next.key");
        var refused = await server.CommandAsync("rotate-master-key", "--data", server.DataFolder, "--to-file", next);
        refused.Error.ShouldContain("(already_served)");
        File.Exists(next).ShouldBeFalse();

        await server.StopAsync();
        var backup = Path.Combine(server.Root, "before.crew");
        (await server.CommandAsync("backup", "--data", server.DataFolder, "--to", backup)).ExitCode.ShouldBe(0);
        var rotated = await server.CommandAsync("rotate-master-key", "--data", server.DataFolder, "--to-file", next);
        rotated.ExitCode.ShouldBe(0, rotated.Error);
        File.GetUnixFileMode(next).ShouldBe(UnixFileMode.UserRead | UnixFileMode.UserWrite);
        (await server.CommandAsync("keys", "list", "--data", server.DataFolder)).Error.ShouldContain("(wrong_master_key)");
        (await server.CommandAsync("serve", "--data", server.DataFolder)).Error.ShouldContain("(wrong_master_key)");

        File.Move(key, key + ".old");
        File.Move(next, key);
        await server.StartAsync();
        using var answer = await server.Master.GetAsync(new Uri("/v1/me", UriKind.Relative));
        answer.StatusCode.ShouldBe(HttpStatusCode.OK);
        await server.CreateKeyAsync(new NewKey { Name = "sealed under the same keys" });
        (await server.CommandAsync("audit", "list", "--data", server.DataFolder)).Output.ShouldContain("operator.master_key.rotated");
        File.Copy(key, Path.Combine(server.Root, "other.key"));
        (await server.CommandAsync("restore", "--data", Path.Combine(server.Root, "other"), "--from", backup)).Error.ShouldContain("(wrong_master_key)");
    }

    [Fact]
    public async Task A_key_file_is_never_written_over_and_no_rotation_half_done()
    {
        using var shell = new Shell();
        await shell.InstallAsync();
        await shell.RefusedAsync("key_file_exists", "rotate-master-key", "--data", "data", "--to-file", "data.key");
        await shell.RefusedAsync("no_installation", "rotate-master-key", "--data", "other", "--to-file", "other.key");
        Directory.Exists(shell.At("other")).ShouldBeFalse();
        await shell.DoAsync("keys", "list", "--data", "data");
    }

    [Fact]
    public async Task On_PostgreSQL_it_waits_for_no_server_and_works_without_one()
    {
        Assert.SkipUnless(PostgresServer.IsAvailable, "There is no PostgreSQL here.");
        await using var server = await CrewServer.StartNewAsync(new CrewServerOptions
        {
            Database = await (await PostgresServer.SharedAsync()).CreateDatabaseAsync(),
        });
        var next = Path.Combine(server.Root, "next.key");
        (await server.CommandAsync("rotate-master-key", "--to-file", next)).Error.ShouldContain("(already_served)");
        await server.StopAsync();
        var rotated = await server.CommandAsync("rotate-master-key", "--to-file", next);
        rotated.ExitCode.ShouldBe(0, rotated.Error);
        (await server.CommandAsync("keys", "list")).Error.ShouldContain("(wrong_master_key)");
    }

    [Fact]
    public async Task A_commit_whose_answer_is_lost_never_costs_the_key_that_it_made_right()
    {
        Assert.SkipUnless(PostgresServer.IsAvailable, "There is no PostgreSQL here.");
        var database = await (await PostgresServer.SharedAsync()).CreateDatabaseAsync();
        using var shell = new Shell();
        shell.Environment["CREW_MASTER_KEY"] = Shell.NewKey();
        await shell.DoAsync("init", "--database", database, "--email", "owner@example.com", "--json");
        await using var wire = new CutWire(database, "UPDATE sealing_keys");
        var rotated = await shell.RunAsync("rotate-master-key", "--database", wire.Database, "--to-file", "next.key");
        wire.IsCut.ShouldBeTrue();
        rotated.ExitCode.ShouldBe(1);
        rotated.Error.ShouldContain("Keep both keys");
        rotated.Error.ShouldContain("(storage_unavailable)");
        await shell.RefusedAsync("wrong_master_key", "keys", "list", "--database", database);
        shell.Environment["CREW_MASTER_KEY"] = (await File.ReadAllTextAsync(shell.At("next.key"))).Trim();
        await shell.DoAsync("keys", "list", "--database", database);
    }

    [Fact]
    public async Task Every_secret_still_opens_after_two_rotations_and_each_older_key_is_refused()
    {
        await using var mock = await MockProvider.StartAsync();
        await using var server = await CrewServer.StartNewAsync(new CrewServerOptions { Providers = [mock] });
        var provider = await server.CreateProviderAsync(mock, credential: "sealed-before");
        await server.CreateModelAsync(new NewModel { Id = "m", ProviderId = provider });
        var made = await server.CreateKeyAsync(new NewKey { Name = "sealed before" });
        await server.StopAsync();
        var (key, first, second) = (server.DataFolder + ".key", Path.Combine(server.Root, "1.key"), Path.Combine(server.Root, "2.key"));
        await RotateAsync(server, first);
        File.Move(key, key + ".0");
        File.Move(first, key);
        await RotateAsync(server, second);
        foreach (var former in new[] { key, key + ".0" })
        {
            File.Copy(former, key + ".tried");
            File.Move(key + ".tried", key, overwrite: true);
            (await server.CommandAsync("keys", "list", "--data", server.DataFolder)).Error.ShouldContain("(wrong_master_key)");
        }

        File.Move(second, key, overwrite: true);
        await server.StartAsync();
        using var answer = await server.Client(made.Key).PostAsync(
            new Uri("/v1/chat/completions", UriKind.Relative),
            Json("""{"model":"m","max_tokens":8,"messages":[{"role":"user","content":"hi"}]}"""));
        answer.StatusCode.ShouldBe(HttpStatusCode.OK);
        mock.Books.Bills.ShouldHaveSingleItem().Credential.ShouldBe("Bearer sealed-before");
        var names = (await server.GetAsync("/v1/api-keys")).EnumerateArray().Select(k => k.GetProperty("name").GetString());
        names.ShouldContain("sealed before");
        var log = (await server.CommandAsync("audit", "list", "--data", server.DataFolder)).Output;
        log.Split('\n').Count(line => line.Contains("operator.master_key.rotated", StringComparison.Ordinal)).ShouldBe(2);
    }

    [Fact]
    public async Task With_a_wrong_key_nothing_is_rotated_and_no_key_is_made()
    {
        using var shell = new Shell();
        await shell.InstallAsync();
        var before = Shell.Snapshot(shell.At("data"))["crew.db"];
        shell.Environment["CREW_MASTER_KEY"] = Shell.NewKey();
        await shell.RefusedAsync("wrong_master_key", "rotate-master-key", "--data", "data", "--to-file", "next.key");
        shell.Environment["CREW_MASTER_KEY"] = "no key";
        await shell.RefusedAsync("master_key_malformed", "rotate-master-key", "--data", "data", "--to-file", "next.key");
        shell.Environment.Remove("CREW_MASTER_KEY");
        File.Exists(shell.At("next.key")).ShouldBeFalse();
        Shell.Snapshot(shell.At("data"))["crew.db"].ShouldBe(before);
        await shell.RefusedAsync("master_key_unreadable", "rotate-master-key", "--data", "data", "--to-file", "no/such/folder/next.key");
        await shell.DoAsync("keys", "list", "--data", "data");
    }

    [Fact]
    public async Task Killed_as_soon_as_the_new_key_is_there_one_of_the_two_keys_opens_all()
    {
        using var shell = new Shell();
        await shell.InstallAsync();
        var current = shell.At("data.key");
        for (var kill = 0; kill < 3; kill++)
        {
            var next = shell.At($"next-{kill}.key");
            using (var rotation = shell.Start("rotate-master-key", "--data", "data", "--to-file", next))
            {
                while (!rotation.HasExited && !File.Exists(next))
                {
                    await Task.Yield();
                }

                rotation.Kill();
                await rotation.WaitForExitAsync();
            }

            File.Exists(next).ShouldBeTrue();
            shell.Environment["CREW_MASTER_KEY_FILE"] = current;
            var stands = await shell.RunAsync("keys", "list", "--data", "data");
            if (stands.ExitCode != 0)
            {
                stands.Error.ShouldContain("(wrong_master_key)");
                shell.Environment["CREW_MASTER_KEY_FILE"] = current = next;
                await shell.DoAsync("keys", "list", "--data", "data");
            }

            await shell.RefusedAsync("key_file_exists", "rotate-master-key", "--data", "data", "--to-file", next);
        }

        await shell.DoAsync("rotate-master-key", "--data", "data", "--to-file", "last.key");
        await shell.RefusedAsync("wrong_master_key", "keys", "list", "--data", "data");
        shell.Environment["CREW_MASTER_KEY_FILE"] = shell.At("last.key");
        await shell.DoAsync("keys", "list", "--data", "data");
    }

    private static async Task RotateAsync(CrewServer server, string to)
    {
        var rotated = await server.CommandAsync("rotate-master-key", "--data", server.DataFolder, "--to-file", to);
        rotated.ExitCode.ShouldBe(0, rotated.Error);
    }

    private static StringContent Json(string body) => new(body, System.Text.Encoding.UTF8, "application/json");
}
