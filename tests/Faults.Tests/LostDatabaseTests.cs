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
        using var speaker = new HttpListener();
        var spoken = $"127.0.0.1:{PostgresServer.FreePort()}";
        speaker.Prefixes.Add($"http://{spoken}/");
        speaker.Start();
        var database = await postgres.CreateDatabaseAsync();
        await using var server = await CrewServer.StartNewAsync(new CrewServerOptions { Providers = [mock], Egress = [$"provider@{spoken}"], Database = database });
        var provider = await server.CreateProviderAsync(mock);
        await server.CreateModelAsync(new NewModel { Id = "m", ProviderId = provider });
        await server.CreateModelAsync(new NewModel { Id = "voice", ProviderId = await server.CreateProviderAtAsync(new Uri($"http://{spoken}/v1"), "voice-credential") });
        var key = await server.CreateKeyAsync(new NewKey { Permissions = ["models:invoke"] });
        await UnknownAsync(server, postgres, database);
        await CutOffAsync(postgres, mock, speaker, server.Client(key.Key));
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
    private static async Task CutOffAsync(PostgresServer postgres, MockProvider mock, HttpListener speaker, HttpClient client)
    {
        using var file = await OpenFileAsync(speaker, client);
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

            // A file that is on its way, of which its provider says nothing more, ends at the same moment, and not as if it were whole.
            var reading = file.ReadExactlyAsync(new byte[1], TestContext.Current.CancellationToken).AsTask();
            await Should.ThrowAsync<IOException>(reading.WaitAsync(TimeSpan.FromSeconds(5), TestContext.Current.CancellationToken));
        }
        finally
        {
            await postgres.ResumeAsync();
        }
    }

    /// <summary>Speech whose first byte is there, and whose second one never comes.</summary>
    private static async Task<Stream> OpenFileAsync(HttpListener speaker, HttpClient client)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, "/v1/audio/speech");
        request.Content = JsonContent.Create(new { model = "voice", input = "hello", voice = "a" });
        var asking = client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, TestContext.Current.CancellationToken);
        var speaking = await speaker.GetContextAsync();
        speaking.Response.ContentType = "audio/mpeg";
        speaking.Response.SendChunked = true;
        await speaking.Response.OutputStream.WriteAsync(new byte[] { 1 }, TestContext.Current.CancellationToken);
        await speaking.Response.OutputStream.FlushAsync(TestContext.Current.CancellationToken);
        var answer = await asking;
        answer.StatusCode.ShouldBe(HttpStatusCode.OK);
        var stream = await answer.Content.ReadAsStreamAsync(TestContext.Current.CancellationToken);
        stream.ReadByte().ShouldBe(1);
        return stream;
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
