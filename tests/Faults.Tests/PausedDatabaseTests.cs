using System.Diagnostics;
using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using Crew.Testing;

namespace Crew.Faults.Tests;

/// <summary>PostgreSQL stands still for five seconds: streams under way notice nothing, new requests are refused in time, the cap holds.</summary>
public sealed class PausedDatabaseTests
{
    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(5);

    [Fact]
    public async Task A_paused_database_leaves_streams_alone_and_new_requests_are_refused_in_their_dialect()
    {
        Assert.SkipUnless(PostgresServer.IsAvailable, "There is no PostgreSQL here.");
        await using var postgres = await PostgresServer.StartNewAsync();
        await using var mock = await MockProvider.StartAsync();
        await using var server = await CrewServer.StartNewAsync(new CrewServerOptions { Providers = [mock], Database = await postgres.CreateDatabaseAsync() });
        var provider = await server.CreateProviderAsync(mock);
        await server.CreateModelAsync(new NewModel { Id = "m", ProviderId = provider });
        var budget = await server.CreateBudgetAsync("workspace", "50.00");
        var client = server.Client((await server.CreateKeyAsync(new NewKey { Permissions = ["models:invoke", "usage:read"] })).Key);
        using (var asked = await AskAsync(client))
        {
            asked.StatusCode.ShouldBe(HttpStatusCode.OK);
        }

        mock.Default = MockBehavior.Instant with { CompletionTokens = 45, ChunksPerSecond = 15 };
        var streaming = StreamAsync(client, out var begun);
        await begun;
        mock.Default = MockBehavior.Instant;
        await postgres.PauseAsync();
        var paused = Stopwatch.GetTimestamp();
        try
        {
            // One that comes before anybody has noticed, and those that come later.
            var refused = new List<Task<HttpResponseMessage>> { AskAsync(client) };
            await NotReadyAsync(client);
            refused.AddRange(Enumerable.Range(0, 8).Select(_ => AskAsync(client)));
            var read = client.GetAsync(new Uri("/v1/gateway/usage", UriKind.Relative), TestContext.Current.CancellationToken);
            foreach (var answer in await Task.WhenAll(refused.Append(read)))
            {
                answer.StatusCode.ShouldBe(HttpStatusCode.ServiceUnavailable);
                answer.Headers.GetValues("x-should-retry").ShouldBe(["true"]);
                var error = (await answer.Content.ReadFromJsonAsync<JsonElement>(TestContext.Current.CancellationToken)).GetProperty("error");
                error.GetProperty("code").GetString().ShouldBeOneOf("storage_unavailable", "audit_unavailable", "node_cut_off");
                answer.Dispose();
            }

            var left = Pause - Stopwatch.GetElapsedTime(paused);
            await Task.Delay(left > TimeSpan.Zero ? left : TimeSpan.Zero, TestContext.Current.CancellationToken);
        }
        finally
        {
            await postgres.ResumeAsync();
        }

        (await streaming).ShouldEndWith("data: [DONE]\n\n");
        await EventuallyAsync(async () =>
        {
            using var asked = await AskAsync(client);
            return asked.StatusCode == HttpStatusCode.OK;
        });
        await mock.Books.QuietAsync(TimeSpan.FromSeconds(10));
        await EventuallyAsync(async () => Dollars((await server.ExplainBudgetAsync(budget)).GetProperty("settled_usd")) == mock.Books.TotalNanoUsd / 1_000_000_000m);
    }

    private static decimal Dollars(JsonElement amount) => decimal.Parse(amount.GetString()!, System.Globalization.CultureInfo.InvariantCulture);

    private static Task<HttpResponseMessage> AskAsync(HttpClient client) => client.PostAsJsonAsync("/v1/chat/completions",
        new { model = "m", max_tokens = 64, messages = new[] { new { role = "user", content = "hello" } } }, TestContext.Current.CancellationToken);

    private static Task<string> StreamAsync(HttpClient client, out Task begun)
    {
        var first = new TaskCompletionSource();
        begun = first.Task;
        return ReadAsync();

        async Task<string> ReadAsync()
        {
            using var request = new HttpRequestMessage(HttpMethod.Post, "/v1/chat/completions");
            request.Content = JsonContent.Create(new { model = "m", stream = true, max_tokens = 256, messages = new[] { new { role = "user", content = "hello" } } });
            using var answer = await client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, TestContext.Current.CancellationToken);
            answer.StatusCode.ShouldBe(HttpStatusCode.OK);
            first.SetResult();
            return await answer.Content.ReadAsStringAsync(TestContext.Current.CancellationToken);
        }
    }

    private static Task NotReadyAsync(HttpClient client) => EventuallyAsync(async () =>
    {
        using var ready = await client.GetAsync(new Uri("/health/ready", UriKind.Relative), TestContext.Current.CancellationToken);
        return ready.StatusCode == HttpStatusCode.ServiceUnavailable;
    });

    private static async Task EventuallyAsync(Func<Task<bool>> holds)
    {
        var started = Stopwatch.GetTimestamp();
        while (!await holds())
        {
            Stopwatch.GetElapsedTime(started).ShouldBeLessThan(TimeSpan.FromSeconds(30));
            await Task.Delay(50);
        }
    }
}
