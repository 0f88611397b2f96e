using System.Collections.Concurrent;
using System.Diagnostics;
using System.Net;
using System.Net.Http.Json;
using Crew.Testing;

namespace Crew.Faults.Tests;

/// <summary>Nodes that are stopped and started one after the other lose no request; what does not end in time is ended well-formed.</summary>
public sealed class RollingTests
{
    [Fact]
    public async Task Two_nodes_are_replaced_one_after_the_other_without_a_refused_request()
    {
        Assert.SkipUnless(PostgresServer.IsAvailable, "There is no PostgreSQL here.");
        await using var mock = await MockProvider.StartAsync();
        await using var bed = await NodeBed.StartAsync(Options(mock, noticeSeconds: 2, deadlineSeconds: 20));
        await PrepareAsync(bed, mock);
        mock.Default = new MockBehavior { Text = "one two three four five", Chunks = 5, ChunksPerSecond = 10 };
        var key = (await bed[0].CreateKeyAsync(new NewKey { Permissions = ["models:invoke", "models:read"] })).Key;
        using var stop = new CancellationTokenSource();
        var balancer = new Balancer(bed.Nodes);
        var checking = balancer.CheckAsync(stop.Token);
        await balancer.AllReadyAsync();
        var answers = new ConcurrentBag<string>();
        var load = Enumerable.Range(0, 6).Select(n => LoadAsync(balancer, key, n, answers, stop.Token)).ToList();
        for (var round = 0; round < Scale.Of(1, 5); round++)
        {
            foreach (var node in bed.Nodes)
            {
                await MoreAsync(answers);
                (await node.StopAsync(TimeSpan.FromSeconds(60))).ShouldBe(0);
                await MoreAsync(answers);
                await node.StartAsync();
                await balancer.AllReadyAsync();
            }
        }

        await stop.CancelAsync();
        await Task.WhenAll([.. load, checking]);
        answers.ShouldAllBe(a => a == "ok");
    }

    [Fact]
    public async Task A_stream_that_outlives_the_deadline_ends_with_an_error_event_and_is_settled()
    {
        Assert.SkipUnless(PostgresServer.IsAvailable, "There is no PostgreSQL here.");
        await using var mock = await MockProvider.StartAsync();
        await using var bed = await NodeBed.StartAsync(Options(mock, noticeSeconds: 0, deadlineSeconds: 1));
        await PrepareAsync(bed, mock);
        mock.Default = new MockBehavior { Text = string.Join(' ', Enumerable.Repeat("word", 600)), Chunks = 600, ChunksPerSecond = 10 };
        var key = (await bed[0].CreateKeyAsync(new NewKey())).Key;
        using var request = new HttpRequestMessage(HttpMethod.Post, "/v1/chat/completions") { Content = JsonContent.Create(Body(stream: true)) };
        using var response = await bed[0].Client(key).SendAsync(request, HttpCompletionOption.ResponseHeadersRead, TestContext.Current.CancellationToken);
        response.StatusCode.ShouldBe(HttpStatusCode.OK);
        var started = Stopwatch.GetTimestamp();
        var stopping = bed[0].StopAsync(TimeSpan.FromSeconds(60));
        var text = await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken);
        text.ShouldContain("\"code\":\"node_stopping\"");
        text.ShouldEndWith("\n\n");
        (await stopping).ShouldBe(0);
        Stopwatch.GetElapsedTime(started).ShouldBeLessThan(TimeSpan.FromSeconds(40));
        var seen = await bed[1].GetAsync($"/v1/gateway/requests/{response.Headers.GetValues("X-Request-Id").Single()}");
        seen.GetProperty("attempts").EnumerateArray().ShouldHaveSingleItem().GetProperty("cost_usd").GetString().ShouldNotBe("0.000000000");
    }

    private static NodeBedOptions Options(MockProvider mock, int noticeSeconds, int deadlineSeconds) => new()
    {
        Nodes = 2,
        Server = new CrewServerOptions
        {
            Providers = [mock],
            Environment = new Dictionary<string, string?>
            {
                ["CREW_DRAIN_NOTICE_SECONDS"] = $"{noticeSeconds}",
                ["CREW_DRAIN_SECONDS"] = $"{deadlineSeconds}",
            },
        },
    };

    private static async Task PrepareAsync(NodeBed bed, MockProvider mock)
    {
        var provider = await bed[0].CreateProviderAsync(mock);
        await bed[0].CreateModelAsync(new NewModel { Id = "m", ProviderId = provider });
    }

    private static async Task MoreAsync(ConcurrentBag<string> answers)
    {
        var wanted = answers.Count + 12;
        while (answers.Count < wanted)
        {
            await Task.Delay(20, TestContext.Current.CancellationToken);
        }
    }

    /// <summary>Sends to a ready node and repeats nothing.</summary>
    private static async Task LoadAsync(Balancer balancer, string key, int worker, ConcurrentBag<string> answers, CancellationToken stop)
    {
        while (!stop.IsCancellationRequested)
        {
            try
            {
                var client = balancer.Next(key);
                if (worker % 3 == 2)
                {
                    using var me = await client.GetAsync(new Uri("/v1/me", UriKind.Relative), CancellationToken.None);
                    answers.Add(me.StatusCode == HttpStatusCode.OK ? "ok" : $"me {(int)me.StatusCode}");
                    await Task.Delay(50, CancellationToken.None);
                    continue;
                }

                using var answer = await client.PostAsJsonAsync("/v1/chat/completions", Body(stream: worker % 3 == 1), CancellationToken.None);
                var text = await answer.Content.ReadAsStringAsync(CancellationToken.None);
                var isWhole = worker % 3 == 1 ? text.TrimEnd().EndsWith("data: [DONE]", StringComparison.Ordinal) : text.Contains("five", StringComparison.Ordinal);
                answers.Add(answer.StatusCode == HttpStatusCode.OK && isWhole ? "ok" : $"{(int)answer.StatusCode} {text}");
            }
            catch (HttpRequestException refused)
            {
                answers.Add(refused.Message);
            }
        }
    }

    private static object Body(bool stream) => new { model = "m", stream, max_tokens = 64, messages = new[] { new { role = "user", content = "hello" } } };

    /// <summary>What a load balancer does: asks each node twice a second whether it is ready, and sends to those that were.</summary>
    private sealed class Balancer(IReadOnlyList<CrewServer> nodes)
    {
        private readonly ConcurrentDictionary<CrewServer, bool> _ready = new();
        private int _next;

        public HttpClient Next(string key)
        {
            var ready = nodes.Where(n => _ready.GetValueOrDefault(n)).ToList();
            return _clients.GetOrAdd((ready[Interlocked.Increment(ref _next) % ready.Count], key), static k => k.Node.Client(k.Key));
        }

        private readonly ConcurrentDictionary<(CrewServer Node, string Key), HttpClient> _clients = new();

        public async Task CheckAsync(CancellationToken stop)
        {
            while (!stop.IsCancellationRequested)
            {
                foreach (var node in nodes)
                {
                    _ready[node] = await IsReadyAsync(node);
                }

                await Task.Delay(200, CancellationToken.None);
            }
        }

        public async Task AllReadyAsync()
        {
            while (nodes.Any(n => !_ready.GetValueOrDefault(n)))
            {
                await Task.Delay(20, TestContext.Current.CancellationToken);
            }
        }

        private static async Task<bool> IsReadyAsync(CrewServer node)
        {
            using var client = new HttpClient { BaseAddress = node.Address, Timeout = TimeSpan.FromSeconds(10) };
            try
            {
                using var ready = await client.GetAsync(new Uri("/health/ready", UriKind.Relative));
                return ready.StatusCode == HttpStatusCode.OK;
            }
            catch (Exception gone) when (gone is HttpRequestException or TaskCanceledException)
            {
                return false;
            }
        }
    }
}
