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
        await shell.DoAsync("init", "--data", "data", "--email", "owner@example.com", "--json");
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
}
