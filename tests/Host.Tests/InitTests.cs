using System.Text.Json;

namespace Crew.Host.Tests;

public sealed class InitTests
{
    [Fact]
    public async Task Init_prints_exactly_the_one_object_and_nothing_else()
    {
        using var shell = new Shell();
        var command = await shell.RunAsync("init", "--data", "data", "--email", "owner@example.com", "--json");
        command.ExitCode.ShouldBe(0, command.Error);
        command.Output.Count(c => c == '\n').ShouldBe(1);
        using var document = JsonDocument.Parse(command.Output);
        var root = document.RootElement;
        Names(root).ShouldBe(["organization_id", "workspace_id", "crews", "owner", "api_keys"]);
        Names(root.GetProperty("crews")).Order().ShouldBe(["development", "production", "staging"]);
        Names(root.GetProperty("owner")).ShouldBe(["user_id", "email", "sign_in_url"]);
        Names(root.GetProperty("api_keys")).ShouldBe(["live", "test"]);
        Text(root, "organization_id").ShouldStartWith("org_");
        Text(root, "workspace_id").ShouldStartWith("ws_");
        Text(root.GetProperty("crews"), "production").ShouldStartWith("crew_");
        Text(root.GetProperty("owner"), "user_id").ShouldStartWith("user_");
        Text(root.GetProperty("owner"), "email").ShouldBe("owner@example.com");
        Text(root.GetProperty("owner"), "sign_in_url").ShouldStartWith("http://127.0.0.1:");
        Text(root.GetProperty("api_keys"), "live").ShouldStartWith("crew_sk_live_");
        Text(root.GetProperty("api_keys"), "test").ShouldStartWith("crew_sk_test_");
    }

    [Fact]
    public async Task The_keys_of_a_first_start_go_into_a_file_that_only_this_user_reads()
    {
        using var shell = new Shell();
        using var taken = new System.Net.Sockets.TcpListener(System.Net.IPAddress.Loopback, 0);
        taken.Start();
        var (file, elsewhere) = (shell.At("data.first-run.json"), shell.At("elsewhere.json"));
        File.WriteAllText(elsewhere, "");
        File.SetUnixFileMode(elsewhere, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.OtherRead);
        File.CreateSymbolicLink(file, elsewhere);
        var served = await shell.RunAsync("serve", "--data", "data", "--urls", $"http://{taken.LocalEndpoint}");
        served.Error.ShouldContain("first-run.json");
        File.ReadAllText(elsewhere).ShouldBeEmpty();
        File.ReadAllText(file).ShouldContain("crew_sk_live_");
        File.GetUnixFileMode(file).ShouldBe(UnixFileMode.UserRead | UnixFileMode.UserWrite);
    }

    [Fact]
    public async Task A_second_init_is_refused_and_makes_nothing()
    {
        using var shell = new Shell();
        await shell.DoAsync("init", "--data", "data", "--email", "owner@example.com", "--json");
        var keys = await shell.DoAsync("keys", "list", "--data", "data", "--json");
        await shell.RefusedAsync("already_initialised", "init", "--data", "data", "--email", "other@example.com", "--json");
        (await shell.DoAsync("keys", "list", "--data", "data", "--json")).ShouldBe(keys);
    }

    [Fact]
    public async Task The_key_file_lies_beside_the_data_and_only_its_owner_may_read_it()
    {
        using var shell = new Shell();
        await shell.DoAsync("init", "--data", "data", "--email", "owner@example.com", "--json");
        File.GetUnixFileMode(shell.At("data.key")).ShouldBe(UnixFileMode.UserRead | UnixFileMode.UserWrite);
        File.GetUnixFileMode(shell.At("data")).ShouldBe(UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
    }

    [Theory]
    [InlineData("serve")]
    [InlineData("keys list")]
    [InlineData("init --email other@example.com")]
    public async Task Without_the_right_master_key_nothing_starts_and_nothing_is_changed(string command)
    {
        using var shell = new Shell();
        await shell.InstallAsync();
        string[] arguments = [.. command.Split(' '), "--data", "data"];
        var before = Shell.Snapshot(shell.At("data"));

        File.Move(shell.At("data.key"), shell.At("away.key"));
        await shell.RefusedAsync("master_key_missing", arguments);
        File.Exists(shell.At("data.key")).ShouldBeFalse("a new key was made over existing data");

        shell.Environment["CREW_MASTER_KEY"] = Shell.NewKey();
        await shell.RefusedAsync("wrong_master_key", arguments);
        shell.Environment["CREW_MASTER_KEY"] = "no key";
        await shell.RefusedAsync("master_key_malformed", arguments);
        shell.Environment.Remove("CREW_MASTER_KEY");
        Rows(Shell.Snapshot(shell.At("data"))).ShouldBe(Rows(before));

        File.Move(shell.At("away.key"), shell.At("data.key"));
        await shell.DoAsync("keys", "list", "--data", "data");
    }

    [Fact]
    public async Task PostgreSQL_never_begins_without_a_given_master_key()
    {
        Assert.SkipUnless(PostgresServer.IsAvailable, "There is no PostgreSQL here.");
        var database = await (await PostgresServer.SharedAsync()).CreateDatabaseAsync();
        using var shell = new Shell();
        await shell.RefusedAsync("master_key_missing", "init", "--database", database, "--email", "owner@example.com", "--json");
        (await Shell.CountAsync(database, "SELECT count(*) FROM pg_class WHERE relname = 'storage_schema'")).ShouldBe(0);
    }

    [Fact]
    public async Task What_the_operator_does_is_in_the_installations_log()
    {
        using var shell = new Shell();
        await shell.DoAsync("init", "--data", "data", "--email", "owner@example.com", "--json");
        await shell.DoAsync("keys", "create", "--data", "data", "--name", "second");
        var log = await shell.JsonAsync("audit", "list", "--data", "data", "--json");
        log.GetProperty("data").EnumerateArray().Select(r => Text(r, "event_type")).ShouldBe(
            ["operator.key.created", "operator.sign_in_link.created", "operator.key.created", "operator.key.created", "operator.organization.created", "operator.installation.created"]);
        var first = await shell.JsonAsync("audit", "list", "--data", "data", "--json", "--limit", "2");
        var rest = await shell.JsonAsync("audit", "list", "--data", "data", "--json", "--before", Text(first, "next_cursor"));
        rest.GetProperty("data").GetArrayLength().ShouldBe(4);
    }

    [Fact]
    public async Task The_names_that_an_operator_gives_are_held_to_the_rules_of_the_API()
    {
        using var shell = new Shell();
        await shell.InstallAsync();
        foreach (var name in new[] { "a\u001b[2J", new string('x', 1_000), " " })
        {
            await shell.RefusedAsync("invalid_request", "keys", "create", "--data", "data", "--name", name, "--json");
            await shell.RefusedAsync("invalid_request", "orgs", "create", "--data", "data", "--name", name, "--email", "o@example.com", "--json");
        }

        (await shell.JsonAsync("audit", "list", "--data", "data", "--json")).GetProperty("data").GetArrayLength().ShouldBe(5, "nothing was made");
    }

    [Theory]
    [InlineData("OPENAI_API_KEY", "OpenAI", "openai", "https://api.openai.com/v1")]
    [InlineData("ANTHROPIC_API_KEY", "Anthropic", "anthropic", "https://api.anthropic.com")]
    public async Task The_operators_key_makes_a_provider_at_the_first_start_and_stays_in_the_environment(string variable, string name, string kind, string url)
    {
        const string key = "sk-operator-0123456789-only-in-the-environment";
        await using var server = new CrewServer(new CrewServerOptions { Environment = new Dictionary<string, string?> { [variable] = key } });
        await server.InitAsync();
        await server.StartAsync();
        var provider = (await server.GetAsync("/v1/gateway/providers")).EnumerateArray().ShouldHaveSingleItem();
        (Text(provider, "name"), Text(provider, "kind"), Text(provider, "base_url")).ShouldBe((name, kind, url));
        Text(provider, "key_last4").ShouldBe($"env:{variable}");
        var models = (await server.GetAsync("/v1/gateway/models")).EnumerateArray().ToList();
        models.ShouldNotBeEmpty();
        models.ShouldAllBe(m => Text(m, "owner") == "organization"
            && (m.GetProperty("price_per_million_usd").ValueKind == JsonValueKind.Object || m.GetProperty("price_per_unit_usd").ValueKind == JsonValueKind.Object));
        models.ShouldAllBe(m => m.GetProperty("targets")[0].GetProperty("provider_id").GetString() == Text(provider, "id"));
        (await server.GetAsync("/v1/models")).EnumerateArray().Select(m => Text(m, "id")).ShouldBeSubsetOf(
            models.Select(m => Text(m, "id")).Append("crew-sandbox-echo").Append("crew-sandbox-script").Append("crew-sandbox-embed"));

        // Another organization brings its own, and a provider that was removed does not come back.
        var other = await server.CommandAsync("orgs", "create", "--data", server.DataFolder, "--name", "other", "--email", "o@example.com", "--json");
        using var made = JsonDocument.Parse(other.Output);
        var foreigner = server.Client(Text(made.RootElement.GetProperty("api_keys"), "live"));
        (await server.GetAsync("/v1/gateway/providers", foreigner)).GetArrayLength().ShouldBe(0);
        foreach (var model in models)
        {
            (await server.Master.DeleteAsync(new Uri($"/v1/gateway/models/{Text(model, "id")}", UriKind.Relative))).EnsureSuccessStatusCode();
        }

        (await server.Master.DeleteAsync(new Uri($"/v1/gateway/providers/{Text(provider, "id")}", UriKind.Relative))).EnsureSuccessStatusCode();
        (await server.StopAsync(TimeSpan.FromSeconds(30))).ShouldBe(0);
        ByteScan.For(key).Folder(server.Root).ShouldBeEmpty();
        await server.StartAsync();
        (await server.GetAsync("/v1/gateway/providers")).GetArrayLength().ShouldBe(0);
    }

    /// <summary>The database itself: opening it may leave empty companions of the write-ahead log.</summary>
    private static string Rows(SortedDictionary<string, string> files) => files["crew.db"];

    private static IEnumerable<string> Names(JsonElement element) => element.EnumerateObject().Select(p => p.Name);

    private static string Text(JsonElement element, string name) => element.GetProperty(name).GetString()!;
}
