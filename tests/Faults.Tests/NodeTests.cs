using System.Collections.Concurrent;
using System.Diagnostics;
using System.Net;
using System.Net.Http.Json;
using Crew.Testing;

namespace Crew.Faults.Tests;

/// <summary>Several nodes over one database are one system: what one has answered, no other one acts against.</summary>
public sealed class NodeTests
{
    private static readonly Uri Me = new("/v1/me", UriKind.Relative);

    [Fact]
    public async Task No_node_accepts_a_key_after_its_revocation_has_answered_whatever_happens_meanwhile()
    {
        Assert.SkipUnless(PostgresServer.IsAvailable, "There is no PostgreSQL here.");
        await using var mock = await MockProvider.StartAsync();
        await using var bed = await NodeBed.StartAsync(new NodeBedOptions { OwnPostgres = true, Server = new CrewServerOptions { Providers = [mock] } });
        await OpenStreamsAreCutAsync(bed, mock);
        var rounds = Scale.Of(6, 60);
        for (var round = 0; round < rounds; round++)
        {
            await RaceAsync(bed, round % 6);
        }
    }

    /// <summary>
    /// One stream on each node, all by the same key: they end with the refusal within a second of the answer, and are settled. The provider says
    /// nothing meanwhile, so that it is the revoke that ends them. The cut waits for no timer: each node has begun it before it
    /// confirms, and so before the revoke answers; what is left is how soon a busy machine runs it, for which a second is only held whole.
    /// </summary>
    private static async Task OpenStreamsAreCutAsync(NodeBed bed, MockProvider mock)
    {
        var provider = await bed[0].CreateProviderAsync(mock, cancelStopsBilling: true);
        await bed[0].CreateModelAsync(new NewModel { Id = "m", ProviderId = provider });
        var gate = new MockGate();
        mock.Default = new MockBehavior { Text = string.Join(' ', Enumerable.Repeat("word", 20)), Chunks = 20, Gate = gate, GateAfterChunks = 3 };
        var key = await bed[0].CreateKeyAsync(new NewKey());
        var body = new { model = "m", stream = true, max_tokens = 2_000, messages = new[] { new { role = "user", content = "hello" } } };
        var streams = await Task.WhenAll(bed.Clients(key.Key).Select(async client =>
        {
            using var request = new HttpRequestMessage(HttpMethod.Post, "/v1/chat/completions") { Content = JsonContent.Create(body) };
            return await client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, TestContext.Current.CancellationToken);
        }));
        await gate.ReachedAsync(bed.Nodes.Count, TimeSpan.FromSeconds(60));
        var ends = streams.Select(async stream =>
        {
            var text = await stream.Content.ReadAsStringAsync(TestContext.Current.CancellationToken);
            text.ShouldContain("\"code\":\"expired_api_key\"");
            return Stopwatch.GetTimestamp();
        }).ToList();
        var answeredAt = await RevokeAsync(bed[0], key.Id);
        foreach (var end in await Task.WhenAll(ends))
        {
            Stopwatch.GetElapsedTime(answeredAt, Math.Max(answeredAt, end)).ShouldBeLessThan(TimeSpan.FromSeconds(Scale.Of(5, 1)));
        }

        foreach (var stream in streams)
        {
            var id = stream.Headers.GetValues("X-Request-Id").Single();
            await EventuallyAsync(() => IsSettledAsync(bed[2], id));
            stream.Dispose();
        }
    }

    private static async Task<bool> IsSettledAsync(CrewServer node, string requestId)
    {
        try
        {
            var request = await node.GetAsync($"/v1/gateway/requests/{requestId}");
            return request.GetProperty("attempts").EnumerateArray().Single().GetProperty("outcome").GetString() == "revoked";
        }
        catch (CrewApiException none) when (none.Status == 404)
        {
            return false;
        }
    }

    /// <summary>Each request is noted with the moment before it was sent; accepted ones must have been sent before the answer.</summary>
    private static async Task RaceAsync(NodeBed bed, int trouble)
    {
        var node = bed[0];
        await ReadyAsync(bed);
        var key = await node.CreateKeyAsync(new NewKey { Permissions = ["models:read"] });
        var clients = bed.Clients(key.Key);
        foreach (var client in clients)
        {
            using var known = await client.GetAsync(Me, TestContext.Current.CancellationToken);
            known.StatusCode.ShouldBe(HttpStatusCode.OK, await known.Content.ReadAsStringAsync(TestContext.Current.CancellationToken));
        }

        var accepted = new ConcurrentBag<long>();
        using var stop = new CancellationTokenSource();
        var load = clients.SelectMany(client => Enumerable.Range(0, 4).Select(_ => AskAsync(client, accepted, stop.Token))).ToList();
        await Task.Delay(Random.Shared.Next(20, 120), TestContext.Current.CancellationToken);
        var undo = await MakeAsync(trouble, bed);
        var answeredAt = await RevokeAsync(node, key.Id);
        await undo();
        await Task.Delay(1_000, TestContext.Current.CancellationToken);
        await stop.CancelAsync();
        await Task.WhenAll(load);
        accepted.ShouldNotBeEmpty();
        accepted.Count(sent => sent > answeredAt).ShouldBe(0, $"trouble {trouble}");
        await ReadyAsync(bed);
        foreach (var client in clients)
        {
            using var refused = await client.GetAsync(Me, TestContext.Current.CancellationToken);
            refused.StatusCode.ShouldBeOneOf(HttpStatusCode.Unauthorized, HttpStatusCode.TooManyRequests);
        }
    }

    /// <summary>What goes wrong while a key is revoked, and how it is undone.</summary>
    private static async Task<Func<Task>> MakeAsync(int trouble, NodeBed bed)
    {
        const string listeners = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'crew-listener' AND datname = current_database()";
        switch (trouble)
        {
            case 1:
                bed[1].Pause();
                return () =>
                {
                    bed[1].Resume();
                    return Task.CompletedTask;
                };
            case 2:
                await bed.ExecuteAsync(listeners);
                return () => Task.CompletedTask;
            case 3:
                var again = Task.Run(() =>
                {
                    bed.Postgres.Stop("fast");
                    bed.Postgres.StartAgain();
                });
                return () => again;
            case 4:
                bed[2].Kill();
                return bed[2].StartAsync;
            case 5:
                bed[1].Pause();
                await Task.Delay(2_500);
                return () =>
                {
                    bed[1].Resume();
                    return Task.CompletedTask;
                };
            default:
                return () => Task.CompletedTask;
        }
    }

    /// <summary>Until it has answered with success: a refusal promises nothing. Returns the moment of the answer.</summary>
    private static async Task<long> RevokeAsync(CrewServer node, string id)
    {
        var started = Stopwatch.GetTimestamp();
        while (true)
        {
            using var answer = await node.Master.DeleteAsync(new Uri($"/v1/api-keys/{id}", UriKind.Relative), TestContext.Current.CancellationToken);
            if (answer.IsSuccessStatusCode)
            {
                return Stopwatch.GetTimestamp();
            }

            answer.StatusCode.ShouldBe(HttpStatusCode.ServiceUnavailable);
            Stopwatch.GetElapsedTime(started).ShouldBeLessThan(TimeSpan.FromSeconds(20));
            await Task.Delay(50, TestContext.Current.CancellationToken);
        }
    }

    private static async Task AskAsync(HttpClient client, ConcurrentBag<long> accepted, CancellationToken stop)
    {
        while (!stop.IsCancellationRequested)
        {
            var sent = Stopwatch.GetTimestamp();
            try
            {
                using var answer = await client.GetAsync(Me, stop);
                if (answer.StatusCode == HttpStatusCode.OK)
                {
                    accepted.Add(sent);
                }
                else if (answer.StatusCode == HttpStatusCode.ServiceUnavailable)
                {
                    answer.Headers.GetValues("x-should-retry").ShouldBe(["true"]);
                }
                else
                {
                    // Refused keys are counted against their address, too.
                    answer.StatusCode.ShouldBeOneOf(HttpStatusCode.Unauthorized, HttpStatusCode.TooManyRequests);
                    await Task.Delay(50, CancellationToken.None);
                }
            }
            catch (Exception gone) when (gone is HttpRequestException or OperationCanceledException)
            {
                // The node was killed, or the race is over.
                await Task.Delay(20, CancellationToken.None);
            }
        }
    }

    private static async Task ReadyAsync(NodeBed bed)
    {
        foreach (var node in bed.Nodes)
        {
            await EventuallyAsync(async () =>
            {
                using var ready = await node.Client(null).GetAsync(new Uri("/health/ready", UriKind.Relative));
                return ready.StatusCode == HttpStatusCode.OK;
            });
        }
    }

    private static async Task EventuallyAsync(Func<Task<bool>> holds)
    {
        var started = Stopwatch.GetTimestamp();
        while (!await holds())
        {
            Stopwatch.GetElapsedTime(started).ShouldBeLessThan(TimeSpan.FromSeconds(20));
            await Task.Delay(20);
        }
    }
}
