using System.Collections.Concurrent;
using System.Globalization;
using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using Crew.Testing;

namespace Crew.Faults.Tests;

/// <summary>
/// kill -9 under load. Whatever was acknowledged is there afterwards: each change with its audit record, each request with its
/// row, nothing settled twice, and the capacity of the dead process is free again or counted as lost.
/// </summary>
public sealed class KillTests
{
    private const int Kills = 20;

    [Fact]
    public async Task Nothing_acknowledged_is_lost_or_doubled_when_the_process_is_killed_under_load()
    {
        await using var mock = await MockProvider.StartAsync();
        await using var server = await CrewServer.StartNewAsync(new CrewServerOptions { Providers = [mock] });
        var provider = await server.CreateProviderAsync(mock);
        await server.CreateModelAsync(new NewModel { Id = "m", ProviderId = provider });
        var budget = await server.CreateBudgetAsync("workspace", "50.00", "total", "strict");
        var key = (await server.CreateKeyAsync(new NewKey())).Key;
        mock.Default = MockBehavior.Latency(1, 10);
        var answered = new ConcurrentBag<string>();
        var made = new ConcurrentBag<string>();
        for (var kill = 0; kill < Kills; kill++)
        {
            using var stop = new CancellationTokenSource();
            var load = Enumerable.Range(0, 16).Select(_ => LoadAsync(server.Client(key), answered, stop.Token))
                .Append(ChangeAsync(server, made, stop.Token)).ToList();
            await UnderLoadAsync(answered, answered.Count + 20);
            await Task.Delay(Random.Shared.Next(0, 600), TestContext.Current.CancellationToken);
            server.Kill();
            await stop.CancelAsync();
            await Task.WhenAll(load);
            await server.StartAsync();
        }

        answered.Count.ShouldBeGreaterThan(Kills);
        await mock.Books.QuietAsync(TimeSpan.FromSeconds(10));
        await EveryRequestHasOneRowAsync(server, answered);
        await EveryChangeHasItsRecordAsync(server, made);
        await TheBudgetCoversTheBillAsync(server, mock, budget);
    }

    /// <summary>A cold process on a busy machine may need a while until it answers at all; killing it before that tests nothing.</summary>
    private static async Task UnderLoadAsync(ConcurrentBag<string> answered, int wanted)
    {
        for (var waited = 0; answered.Count < wanted && waited < 30_000; waited += 50)
        {
            await Task.Delay(50, TestContext.Current.CancellationToken);
        }
    }

    private static async Task LoadAsync(HttpClient client, ConcurrentBag<string> answered, CancellationToken stop)
    {
        while (!stop.IsCancellationRequested)
        {
            try
            {
                using var response = await client.PostAsJsonAsync("/v1/chat/completions",
                    new { model = "m", max_tokens = 64, messages = new[] { new { role = "user", content = "hello" } } }, stop);
                if (response.StatusCode == HttpStatusCode.OK)
                {
                    answered.Add(response.Headers.GetValues("X-Request-Id").Single());
                }
            }
            catch (Exception error) when (error is HttpRequestException or OperationCanceledException)
            {
                // The process was killed: this request was not acknowledged.
            }
        }
    }

    private static async Task ChangeAsync(CrewServer server, ConcurrentBag<string> made, CancellationToken stop)
    {
        while (!stop.IsCancellationRequested)
        {
            try
            {
                using var response = await server.Master.PostAsJsonAsync("/v1/api-keys", new { name = "made", permissions = new[] { "models:read" }, mode = "live" }, stop);
                if (response.StatusCode == HttpStatusCode.Created)
                {
                    var body = await response.Content.ReadFromJsonAsync<JsonElement>(CancellationToken.None);
                    made.Add(body.GetProperty("data").GetProperty("id").GetString()!);
                }
            }
            catch (Exception error) when (error is HttpRequestException or OperationCanceledException)
            {
                // Not acknowledged.
            }
        }
    }

    private static async Task EveryRequestHasOneRowAsync(CrewServer server, ConcurrentBag<string> answered)
    {
        foreach (var requestId in answered.Take(Scale.Of(300, 5_000)))
        {
            var request = await server.GetAsync($"/v1/gateway/requests/{requestId}");
            request.GetProperty("attempts").GetArrayLength().ShouldBe(1, requestId);
            var used = await server.GetAsync($"/v1/audit-logs?event_type=api_key.used&request_id={requestId}");
            used.GetArrayLength().ShouldBe(1, requestId);
        }
    }

    private static async Task EveryChangeHasItsRecordAsync(CrewServer server, ConcurrentBag<string> made)
    {
        foreach (var id in made.Take(Scale.Of(100, 2_000)))
        {
            (await server.GetAsync($"/v1/api-keys/{id}")).GetProperty("id").GetString().ShouldBe(id);
            (await server.GetAsync($"/v1/audit-logs?event_type=api_key.created&resource_id={id}")).GetArrayLength().ShouldBe(1, id);
        }
    }

    /// <summary>What was settled and what is lost together cover all that the provider has billed; settled alone never exceeds it.</summary>
    private static async Task TheBudgetCoversTheBillAsync(CrewServer server, MockProvider mock, string budget)
    {
        var explained = await server.ExplainBudgetAsync(budget);
        var settled = Dollars(explained.GetProperty("settled_usd"));
        var lost = Dollars(explained.GetProperty("lost_usd"));
        var bill = mock.Books.TotalNanoUsd / 1_000_000_000m;
        settled.ShouldBeLessThanOrEqualTo(bill);
        (settled + lost).ShouldBeGreaterThanOrEqualTo(bill);
        Dollars(explained.GetProperty("held_usd")).ShouldBe(0m);
    }

    private static decimal Dollars(JsonElement amount) => decimal.Parse(amount.GetString()!, CultureInfo.InvariantCulture);
}
