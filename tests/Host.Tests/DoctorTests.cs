using System.Text.Json;
using Microsoft.Data.Sqlite;
using Npgsql;

namespace Crew.Host.Tests;

public sealed class DoctorTests
{
    [Fact]
    public async Task A_healthy_installation_passes_and_the_account_master_is_named()
    {
        using var shell = new Shell();
        await shell.InstallAsync();
        var before = Shell.Snapshot(shell.At("data"))["crew.db"];
        var (code, checks) = await ExamineAsync(shell);
        code.ShouldBe(0);
        checks.Values.ShouldNotContain(c => c.Status == "failed");
        checks["account_master"].Status.ShouldBe("warning");
        checks["account_master"].Mend.ShouldNotBeNull();
        checks["size_forecast"].Message.ShouldContain("audit_records ");
        checks.Keys.ShouldBe(
        [
            "tls", "trusted_proxies", "public_url", "egress", "data_folder", "disk_space", "database", "schema", "size_forecast",
            "sqlite_integrity", "clock",
            "master_key_file", "master_key", "budget_ledger", "keys_rotation", "account_master", "first_run_file", "port",
        ]);
        Shell.Snapshot(shell.At("data"))["crew.db"].ShouldBe(before, "an examination changes nothing");
    }

    [Fact]
    public async Task A_place_without_an_installation_fails_and_stays_empty()
    {
        using var shell = new Shell();
        var (code, checks) = await ExamineAsync(shell);
        code.ShouldBe(1);
        checks["database"].Status.ShouldBe("failed");
        Directory.EnumerateFileSystemEntries(shell.Folder).ShouldBeEmpty();
    }

    [Theory]
    [InlineData("open key file", "master_key_file")]
    [InlineData("key in the folder", "master_key_file")]
    [InlineData("missing key", "master_key")]
    [InlineData("wrong key", "master_key")]
    [InlineData("open folder", "data_folder")]
    [InlineData("everybody is a proxy", "trusted_proxies")]
    [InlineData("broken certificate", "tls")]
    [InlineData("key of another certificate", "tls")]
    [InlineData("port taken", "port")]
    [InlineData("damaged database", "sqlite_integrity")]
    [InlineData("first-run file", "first_run_file")]
    public async Task What_is_wrong_is_found_and_comes_with_the_way_to_mend_it(string fault, string check)
    {
        using var shell = new Shell();
        await shell.InstallAsync();
        using var undo = Break(shell, fault);
        var (code, checks) = await ExamineAsync(shell);
        checks[check].Status.ShouldBe(fault == "first-run file" ? "warning" : "failed", fault);
        checks[check].Mend.ShouldNotBeNullOrEmpty();
        code.ShouldBe(fault == "first-run file" ? 0 : 1);
    }

    [Fact]
    public async Task On_PostgreSQL_the_roles_are_looked_at()
    {
        Assert.SkipUnless(PostgresServer.IsAvailable, "There is no PostgreSQL here.");
        var database = await (await PostgresServer.SharedAsync()).CreateDatabaseAsync();
        using var shell = new Shell();
        shell.Environment["CREW_DATABASE"] = database;
        shell.Environment["CREW_MASTER_KEY"] = Shell.NewKey();
        await shell.DoAsync("init", "--email", "owner@example.com", "--json");
        var (code, checks) = await ExamineAsync(shell);
        code.ShouldBe(0);
        checks["postgres_roles"].Status.ShouldBe("ok");
        checks["postgres_row_security"].Status.ShouldBe("ok");
        checks["postgres_login"].Status.ShouldBe("warning", "the tests' login is a superuser");
        checks["postgres_durability"].Status.ShouldBe("ok");
        checks["partitions"].Status.ShouldBe("ok");
        checks["leaders"].Message.ShouldBe("No server runs, so nobody does the upkeep.");
        checks["size_forecast"].Message.ShouldContain("audit_records ");
        await Shell.CountAsync(database, $"DROP TABLE spend_attempts_{DateTimeOffset.UtcNow.AddDays(2):yyyyMMdd}; SELECT 1");
        (_, checks) = await ExamineAsync(shell);
        checks["partitions"].Status.ShouldBe("warning");
        checks["partitions"].Message.ShouldContain("spend_attempts lacks 1 from");

        var name = new NpgsqlConnectionStringBuilder(database).Database;
        var role = name + "_crew_app";
        await Shell.CountAsync(database, $"ALTER DATABASE \"{name}\" SET synchronous_commit = off; SELECT 1");
        await Shell.CountAsync(database, $"ALTER ROLE \"{role}\" BYPASSRLS; SELECT 1");
        await Shell.CountAsync(database, "ALTER TABLE keys_api_keys NO FORCE ROW LEVEL SECURITY; SELECT 1");
        (code, checks) = await ExamineAsync(shell);
        code.ShouldBe(1);
        checks["postgres_durability"].Status.ShouldBe("failed");
        checks["postgres_roles"].Status.ShouldBe("failed");
        checks["postgres_row_security"].Message.ShouldContain("keys_api_keys");
    }

    [Theory]
    [InlineData("sqlite")]
    [InlineData("postgres")]
    public async Task A_budget_that_counts_otherwise_than_the_ledger_is_named(string dialect)
    {
        Assert.SkipUnless(PostgresServer.IsAvailable, "There is no PostgreSQL here.");
        var options = new CrewServerOptions
        {
            Database = dialect == "postgres" ? await (await PostgresServer.SharedAsync()).CreateDatabaseAsync() : null,
        };
        await using var server = await CrewServer.StartNewAsync(options);
        var budget = await server.CreateBudgetAsync("workspace", "5");
        using (var call = new StringContent(
            """{"model":"crew-sandbox-echo","max_tokens":8,"messages":[{"role":"user","content":"hi"}]}""", System.Text.Encoding.UTF8, "application/json"))
        {
            var key = await server.CreateKeyAsync(new NewKey());
            (await server.Client(key.Key).PostAsync(new Uri("/v1/chat/completions", UriKind.Relative), call)).EnsureSuccessStatusCode();
        }

        (await LedgerAsync(server)).Status.ShouldBe("ok", "beside a running server");
        await server.StopAsync();
        await DoctorAsync(server, options.Database, "UPDATE spend_leases SET settled_nano = settled_nano + 7 WHERE settled_nano > 0");
        var check = await LedgerAsync(server);
        check.Status.ShouldBe("failed");
        check.Message.ShouldContain($"1 counters of budgets differ from the ledger: {budget} counts ");
        check.Mend.ShouldNotBeNullOrEmpty();
    }

    [Fact]
    public async Task An_unreachable_PostgreSQL_is_named()
    {
        using var shell = new Shell();
        shell.Environment["CREW_DATABASE"] = "Host=127.0.0.1;Port=1;Username=nobody;Database=none;Timeout=2";
        shell.Environment["CREW_MASTER_KEY"] = Shell.NewKey();
        var (code, checks) = await ExamineAsync(shell);
        code.ShouldBe(1);
        checks["database"].Status.ShouldBe("failed");
    }

    [Fact]
    public async Task A_running_server_is_no_fault()
    {
        await using var server = await CrewServer.StartNewAsync();
        var command = await server.CommandAsync("doctor", "--data", server.DataFolder, "--urls", server.Address.GetLeftPart(UriPartial.Authority));
        command.ExitCode.ShouldBe(0, command.Output + command.Error);
        command.Output.ShouldContain("A server of this installation is running");
    }

    /// <summary>Breaks one thing; what it returns is held open until the examination is over.</summary>
    private static IDisposable? Break(Shell shell, string fault)
    {
        switch (fault)
        {
            case "open key file":
                File.SetUnixFileMode(shell.At("data.key"), UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.OtherRead);
                return null;
            case "key in the folder":
                File.Move(shell.At("data.key"), shell.At("data/master.key"));
                shell.Environment["CREW_MASTER_KEY_FILE"] = shell.At("data/master.key");
                return null;
            case "missing key":
                File.Delete(shell.At("data.key"));
                return null;
            case "wrong key":
                shell.Environment["CREW_MASTER_KEY"] = Shell.NewKey();
                return null;
            case "open folder":
                File.SetUnixFileMode(shell.At("data"), (UnixFileMode)0b111_101_101);
                return null;
            case "everybody is a proxy":
                shell.Environment["CREW_TRUSTED_PROXIES"] = "0.0.0.0/0";
                return null;
            case "broken certificate":
                File.WriteAllText(shell.At("tls.pem"), "no certificate");
                shell.Environment["CREW_TLS_CERT"] = shell.Environment["CREW_TLS_KEY"] = shell.At("tls.pem");
                return null;
            case "key of another certificate":
                PemFiles.Make("doctor").Write(shell.At("tls.crt"), shell.At("tls.key"));
                File.WriteAllText(shell.At("tls.key"), PemFiles.Make("stranger").Key);
                (shell.Environment["CREW_TLS_CERT"], shell.Environment["CREW_TLS_KEY"]) = (shell.At("tls.crt"), shell.At("tls.key"));
                return null;
            case "port taken":
                var listener = new System.Net.Sockets.TcpListener(System.Net.IPAddress.Loopback, 0);
                listener.Start();
                shell.Environment["CREW_URLS"] = $"http://{listener.LocalEndpoint}";
                return listener;
            case "damaged database":
                using (var file = new FileStream(shell.At("data/crew.db"), FileMode.Open, FileAccess.ReadWrite))
                {
                    // The header page stays, so that the database opens; the pages behind it are noise.
                    file.Position = 8 * 4_096;
                    file.Write(new byte[4_096 * 4]);
                }

                return null;
            default:
                File.WriteAllText(shell.At("data.first-run.json"), "{}");
                return null;
        }
    }

    private static async Task<Check> LedgerAsync(CrewServer server)
    {
        var command = await server.CommandAsync("doctor", "--data", server.DataFolder, "--urls", server.Address.GetLeftPart(UriPartial.Authority), "--json");
        command.Error.ShouldBeEmpty();
        return Read(command)["budget_ledger"];
    }

    /// <summary>Changes rows behind the product's back.</summary>
    private static async Task DoctorAsync(CrewServer server, string? database, string sql)
    {
        SQLitePCL.Batteries_V2.Init();
        await using System.Data.Common.DbConnection connection = database is null
            ? new SqliteConnection($"Data Source={Path.Combine(server.DataFolder, "crew.db")};Pooling=False")
            : new NpgsqlConnection(new NpgsqlConnectionStringBuilder(database) { Pooling = false }.ConnectionString);
        await connection.OpenAsync();
        await using var command = connection.CreateCommand();
        command.CommandText = sql;
        (await command.ExecuteNonQueryAsync()).ShouldBe(1);
    }

    private static async Task<(int Code, Dictionary<string, Check> Checks)> ExamineAsync(Shell shell)
    {
        var command = await shell.RunAsync("doctor", "--data", "data", "--json");
        command.Error.ShouldBeEmpty();
        return (command.ExitCode, Read(command));
    }

    private static Dictionary<string, Check> Read(CrewCommand command)
    {
        using var document = JsonDocument.Parse(command.Output);
        return document.RootElement.GetProperty("checks").EnumerateArray().ToDictionary(
            c => c.GetProperty("name").GetString()!,
            c => new Check(c.GetProperty("status").GetString()!, c.GetProperty("message").GetString()!, c.GetProperty("mend").GetString()));
    }

    private sealed record Check(string Status, string Message, string? Mend);
}
