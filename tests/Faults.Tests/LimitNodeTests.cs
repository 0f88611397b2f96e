using System.Net;
using System.Text.Json;
using Crew.Testing;

namespace Crew.Faults.Tests;

/// <summary>Tokens a minute and open streams hold over all nodes together, wherever the calls arrive.</summary>
public sealed class LimitNodeTests
{
    private const int CallTokens = 100;
    private const int MostTokens = 1_000;
    private const string Model = "shared";

    private static readonly Uri Chat = new("/v1/chat/completions", UriKind.Relative);

    private static CancellationToken Now => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Tokens_and_streams_are_one_count_over_all_nodes()
    {
        Assert.SkipUnless(PostgresServer.IsAvailable, "There is no PostgreSQL here.");
        await using var mock = await MockProvider.StartAsync();
        await using var bed = await NodeBed.StartAsync(new NodeBedOptions { Server = new CrewServerOptions { Providers = [mock] } });
        await bed[0].CreateModelAsync(new NewModel { Id = Model, ProviderId = await bed[0].CreateProviderAsync(mock) });
        await TokensAsync(bed, mock);
        await StreamsAsync(bed, mock);
        await LeftStreamsAsync(bed, mock);
        await LoweredAsync(bed, mock);
        await LostAsync(bed, mock);
    }

    /// <summary>Ten calls of a hundred tokens fit a thousand, whichever node they come to; the eleventh fits nowhere.</summary>
    private static async Task TokensAsync(NodeBed bed, MockProvider mock)
    {
        const double seconds = 20;
        var left = 60 - (DateTimeOffset.UtcNow.TimeOfDay.TotalSeconds % 60);
        await Task.Delay(TimeSpan.FromSeconds(left < seconds ? left + 0.1 : 0), Now);
        mock.Default = new MockBehavior { PromptTokens = 60, CompletionTokens = CallTokens - 60 };
        var clients = await ClientsAsync(bed, new { tokens_per_minute = MostTokens });
        for (var call = 0; call < MostTokens / CallTokens; call++)
        {
            using var accepted = await AskAsync(clients[call % clients.Count]);
            accepted.StatusCode.ShouldBe(HttpStatusCode.OK, $"call {call}");

            // What it used is told to the others beside its answer.
            await Task.Delay(150, Now);
        }

        foreach (var client in clients)
        {
            using var refused = await AskAsync(client);
            (await LimitOf(refused)).ShouldBe("tokens_per_minute");
            refused.Headers.RetryAfter!.Delta!.Value.TotalSeconds.ShouldBeInRange(1, 60);
        }
    }

    private static async Task StreamsAsync(NodeBed bed, MockProvider mock)
    {
        const int most = 5;
        var clients = await ClientsAsync(bed, new { concurrent_streams = most });
        using var open = new OpenStreams(mock);
        for (var stream = 0; stream < most; stream++)
        {
            (await open.TryAsync(clients[stream % clients.Count])).ShouldBeNull($"stream {stream}");
        }

        foreach (var client in clients)
        {
            (await open.TryAsync(client)).ShouldBe("concurrent_streams");
        }

        await open.EndAsync();
        var at = 0;
        var tried = await Task.WhenAll(Enumerable.Range(0, 8 * most).Select(_ => open.TryAsync(clients[at++ % clients.Count])));
        tried.Count(limit => limit is null).ShouldBe(most, "as many as before, however many ask at once");
        await open.EndAsync();
    }

    /// <summary>A stream that its provider goes on with counts, although its client has left.</summary>
    private static async Task LeftStreamsAsync(NodeBed bed, MockProvider mock)
    {
        var clients = await ClientsAsync(bed, new { concurrent_streams = 1 });
        using var open = new OpenStreams(mock);
        (await open.TryAsync(clients[0])).ShouldBeNull();
        open.Leave();
        await Task.Delay(500, Now);
        (await open.TryAsync(clients[1])).ShouldBe("concurrent_streams");
        await open.EndAsync();
        await UntilOpenAsync(open, clients[1]);
        await open.EndAsync();
    }

    private static async Task LoweredAsync(NodeBed bed, MockProvider mock)
    {
        var (clients, id) = await KeyAsync(bed, new { concurrent_streams = 40 });
        using var open = new OpenStreams(mock);
        foreach (var client in clients)
        {
            (await open.TryAsync(client)).ShouldBeNull();
        }

        await bed[0].PatchAsync($"/v1/api-keys/{id}", new { concurrent_streams = 4 });
        (await open.TryAsync(clients[0])).ShouldBeNull("three of four are open");
        foreach (var client in clients)
        {
            (await open.TryAsync(client)).ShouldBe("concurrent_streams", "whatever nodes had to spare under the higher limit");
        }

        await bed[0].PatchAsync($"/v1/api-keys/{id}", new { concurrent_streams = (int?)null });
        (await open.TryAsync(clients[1])).ShouldBeNull("null takes the limit away");
        await open.EndAsync();
    }

    /// <summary>The streams of a node that died count until it is sure that none of them goes on.</summary>
    private static async Task LostAsync(NodeBed bed, MockProvider mock)
    {
        var clients = await ClientsAsync(bed, new { concurrent_streams = 2 });
        using var open = new OpenStreams(mock);
        (await open.TryAsync(clients[2])).ShouldBeNull();
        (await open.TryAsync(clients[2])).ShouldBeNull();
        bed[2].Kill();
        await Task.Delay(3_000, Now);
        (await open.TryAsync(clients[0])).ShouldBe("concurrent_streams");

        // As if it had been gone for as long as it takes.
        await bed.ExecuteAsync("""
            UPDATE storage_nodes SET ended_at = (extract(epoch FROM clock_timestamp()) * 1000)::bigint - 20000
            WHERE renewed_at < (extract(epoch FROM clock_timestamp()) * 1000)::bigint - 2500
            """);
        await UntilOpenAsync(open, clients[0]);
        await open.EndAsync();
    }

    private static async Task UntilOpenAsync(OpenStreams open, HttpClient client)
    {
        for (var tries = 0; await open.TryAsync(client) is not null; tries++)
        {
            tries.ShouldBeLessThan(50);
            await Task.Delay(200, Now);
        }
    }

    private static async Task<IReadOnlyList<HttpClient>> ClientsAsync(NodeBed bed, object limits) => (await KeyAsync(bed, limits)).Clients;

    private static async Task<(IReadOnlyList<HttpClient> Clients, string Id)> KeyAsync(NodeBed bed, object limits)
    {
        var body = JsonSerializer.SerializeToElement(limits).EnumerateObject().ToDictionary(p => p.Name, p => (object?)p.Value);
        (body["name"], body["mode"], body["permissions"]) = ("limited", "live", new[] { "models:invoke" });
        var key = await bed[0].PostAsync("/v1/api-keys", body);
        return (bed.Clients(key.GetProperty("key").GetString()), key.GetProperty("id").GetString()!);
    }

    private static async Task<HttpResponseMessage> AskAsync(HttpClient client, bool isStream = false)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, Chat)
        {
            Content = new StringContent($$"""{"model":"{{Model}}","max_tokens":64,"stream":{{(isStream ? "true" : "false")}},"messages":[{"role":"user","content":"Hi"}]}""",
                new System.Net.Http.Headers.MediaTypeHeaderValue("application/json")),
        };
        return await client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, Now);
    }

    private static async Task<string?> LimitOf(HttpResponseMessage answer)
    {
        answer.StatusCode.ShouldBe(HttpStatusCode.TooManyRequests, await answer.Content.ReadAsStringAsync(Now));
        var said = await answer.Content.ReadAsStringAsync(Now);
        return said.Contains("tokens of this minute", StringComparison.Ordinal) ? "tokens_per_minute"
            : said.Contains("As many streams", StringComparison.Ordinal) ? "concurrent_streams" : said;
    }

    /// <summary>Streams that stand at a gate of the provider.</summary>
    private sealed class OpenStreams : IDisposable
    {
        private readonly MockProvider _mock;
        private readonly List<HttpResponseMessage> _open = [];
        private MockGate _gate = new();

        public OpenStreams(MockProvider mock)
        {
            _mock = mock;
            Close();
        }

        /// <summary>Null when the stream is open; else the limit that kept it out.</summary>
        public async Task<string?> TryAsync(HttpClient client)
        {
            var answer = await AskAsync(client, isStream: true);
            if (answer.StatusCode == HttpStatusCode.OK)
            {
                lock (_open)
                {
                    _open.Add(answer);
                }

                return null;
            }

            using (answer)
            {
                return await LimitOf(answer);
            }
        }

        /// <summary>The clients go, and the provider does not notice.</summary>
        public void Leave()
        {
            _open.ForEach(answer => answer.Dispose());
            _open.Clear();
        }

        /// <summary>The provider ends all of them, and each client reads its end.</summary>
        public async Task EndAsync()
        {
            _gate.Open();
            foreach (var answer in _open)
            {
                try
                {
                    await answer.Content.ReadAsStringAsync(Now);
                }
                catch (HttpRequestException)
                {
                    // Its node was killed.
                }
            }

            await _mock.Books.QuietAsync(TimeSpan.FromSeconds(20));
            Leave();
            Close();
        }

        public void Dispose()
        {
            _gate.Open();
            Leave();
        }

        private void Close()
        {
            _gate = new MockGate();
            _mock.Default = new MockBehavior { Gate = _gate, GateAfterChunks = 1 };
        }
    }
}
