using System.Diagnostics;
using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using Crew.Testing;
using Npgsql;

namespace Crew.Faults.Tests;

/// <summary>PostgreSQL goes away at the worst moment, or for longer than anybody may go on without it.</summary>
public sealed class LostDatabaseTests
{
    private const string SlowCommits = """
        CREATE FUNCTION slowly() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(30); RETURN NULL; END';
        CREATE CONSTRAINT TRIGGER slowly AFTER INSERT ON keys_api_keys DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION slowly();
        """;

    [Fact]
    public async Task A_commit_that_nobody_can_look_up_is_called_unknown_and_a_stream_ends_when_its_key_cannot_be_looked_at_any_more()
    {
        Assert.SkipUnless(PostgresServer.IsAvailable, "There is no PostgreSQL here.");
        await using var postgres = await PostgresServer.StartNewAsync();
        await using var mock = await MockProvider.StartAsync();
        var database = await postgres.CreateDatabaseAsync();
        await using var server = await CrewServer.StartNewAsync(new CrewServerOptions { Providers = [mock], Database = database });
        var provider = await server.CreateProviderAsync(mock);
        await server.CreateModelAsync(new NewModel { Id = "m", ProviderId = provider });
        var key = await server.CreateKeyAsync(new NewKey { Permissions = ["models:invoke"] });
        await UnknownAsync(server, postgres, database);
        await CutOffAsync(server, postgres, mock, server.Client(key.Key));
    }

    /// <summary>The server of the database dies while it commits, and stays away for longer than the outcome is asked for.</summary>
    private static async Task UnknownAsync(CrewServer server, PostgresServer postgres, string database)
    {
        await ExecuteAsync(database, SlowCommits);
        var making = server.Master.PostAsJsonAsync("/v1/api-keys", new { name = "perhaps", permissions = new[] { "models:read" }, mode = "live" }, TestContext.Current.CancellationToken);
        await EventuallyAsync(async () => (long)(await ExecuteAsync(database, "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep' AND query ILIKE 'commit%'"))! > 0);
        postgres.Stop("immediate");
        using (var unknown = await making)
        {
            unknown.StatusCode.ShouldBe(HttpStatusCode.ServiceUnavailable);
            (await unknown.Content.ReadFromJsonAsync<JsonElement>(TestContext.Current.CancellationToken)).GetProperty("error").GetProperty("code").GetString().ShouldBe("outcome_unknown");
        }

        postgres.StartAgain();
        await ExecuteAsync(database, "DROP TRIGGER slowly ON keys_api_keys");
        await EventuallyAsync(async () =>
        {
            using var ready = await server.Master.GetAsync(new Uri("/health/ready", UriKind.Relative), TestContext.Current.CancellationToken);
            return ready.StatusCode == HttpStatusCode.OK;
        });

        // Here it did not happen, which the caller sees by looking; doing it again does it once.
        (await NamesAsync(server)).ShouldNotContain("perhaps");
        await server.CreateKeyAsync(new NewKey { Name = "perhaps", Permissions = ["models:read"] });
        (await NamesAsync(server)).Count(n => n == "perhaps").ShouldBe(1);
    }

    /// <summary>Nobody can tell this node that the key was revoked: after ten seconds without its lease it does not go on with the stream.</summary>
    private static async Task CutOffAsync(CrewServer server, PostgresServer postgres, MockProvider mock, HttpClient client)
    {
        mock.Default = MockBehavior.Instant with { CompletionTokens = 600, ChunksPerSecond = 10 };
        using var request = new HttpRequestMessage(HttpMethod.Post, "/v1/chat/completions");
        request.Content = JsonContent.Create(new { model = "m", stream = true, max_tokens = 1_000, messages = new[] { new { role = "user", content = "hello" } } });
        using var answer = await client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, TestContext.Current.CancellationToken);
        answer.StatusCode.ShouldBe(HttpStatusCode.OK);
        await postgres.PauseAsync();
        try
        {
            var text = await answer.Content.ReadAsStringAsync(TestContext.Current.CancellationToken);
            text.ShouldContain("\"code\":\"node_cut_off\"");
            text.ShouldNotContain("[DONE]");
            mock.Books.InFlight.ShouldBe(1, "the provider was not done yet");
        }
        finally
        {
            await postgres.ResumeAsync();
        }
    }

    private static async Task<List<string?>> NamesAsync(CrewServer server) =>
        [.. (await server.GetAsync("/v1/api-keys")).EnumerateArray().Select(k => k.GetProperty("name").GetString())];

    private static async Task<object?> ExecuteAsync(string database, string sql)
    {
        await using var connection = new NpgsqlConnection(new NpgsqlConnectionStringBuilder(database) { Pooling = false }.ConnectionString);
        await connection.OpenAsync();
        await using var command = new NpgsqlCommand(sql, connection);
        return await command.ExecuteScalarAsync();
    }

    private static async Task EventuallyAsync(Func<Task<bool>> holds)
    {
        var started = Stopwatch.GetTimestamp();
        while (!await holds())
        {
            Stopwatch.GetElapsedTime(started).ShouldBeLessThan(TimeSpan.FromSeconds(30));
            await Task.Delay(50, TestContext.Current.CancellationToken);
        }
    }
}
