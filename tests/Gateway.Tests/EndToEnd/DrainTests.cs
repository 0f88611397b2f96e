using System.Globalization;
using System.Net;
using System.Text.Json;
using Crew.Testing;
using Shouldly;
using Xunit;
using static Crew.Gateway.Tests.EndToEnd.GatewayServer;

namespace Crew.Gateway.Tests.EndToEnd;

/// <summary>Answers read to their end after their client has left: how many at once, and what a stop of the server makes of them.</summary>
public sealed class DrainTests
{
    private const int Room = 1_024;
    private const int TooMany = 6;
    private const int FewAtOnce = 32;

    [Fact]
    public async Task The_room_takes_1024_answers_and_breaks_further_ones_off_and_all_are_settled()
    {
        await using var mock = await MockProvider.StartAsync();
        await using var server = await CrewServer.StartNewAsync(new CrewServerOptions { Providers = [mock] });
        var (client, budget) = await PrepareAsync(server, mock);
        var gate = new MockGate();
        mock.Default = new MockBehavior { Gate = gate, GateAfterChunks = 3 };
        await LeaveAsync(client, Room + TooMany, gate);

        // These can only be the ones for which there was no room: each of the others keeps its connection to the provider.
        await UntilAsync(() => Gone(mock) == TooMany, () => $"{Gone(mock)} broken off");
        gate.Waiting.ShouldBe(Room);
        gate.Open();
        await mock.Books.QuietAsync(TimeSpan.FromSeconds(60));
        await UntilAsync(async () => await RowsAsync(server) == Room + TooMany);
        Gone(mock).ShouldBe(TooMany);
        await NothingIsOwedAsync(server, budget, mock);
    }

    [Fact]
    public async Task A_stop_breaks_off_what_does_not_end_by_itself_and_settles_it()
    {
        const int answers = 8;
        await using var mock = await MockProvider.StartAsync();
        await using var server = await CrewServer.StartNewAsync(new CrewServerOptions { Providers = [mock] });
        var (client, budget) = await PrepareAsync(server, mock);
        var gate = new MockGate();
        mock.Default = new MockBehavior { Gate = gate, GateAfterChunks = 3 };
        await LeaveAsync(client, answers, gate);
        (await server.StopAsync(TimeSpan.FromSeconds(60))).ShouldBe(0);
        Gone(mock).ShouldBe(answers);
        await server.StartAsync();
        (await RowsAsync(server)).ShouldBe(answers);
        await NothingIsOwedAsync(server, budget, mock);
    }

    private static async Task<(HttpClient Client, string Budget)> PrepareAsync(CrewServer server, MockProvider mock)
    {
        var provider = await server.CreateProviderAsync(mock);
        await server.CreateModelAsync(new NewModel { Id = Model, ProviderId = provider });
        var budget = await server.CreateBudgetAsync("workspace", "50");
        return (server.Client((await server.CreateKeyAsync(new NewKey { RateLimitPerMinute = 1_000_000 })).Key), budget);
    }

    /// <summary>Asks for so many streams, and leaves all of them in the middle.</summary>
    private static async Task LeaveAsync(HttpClient client, int count, MockGate gate)
    {
        // Not all at once: on a machine that is busy with other things the last ones would wait for their record longer than a server lets them.
        var answers = new List<HttpResponseMessage>(count);
        foreach (var few in Enumerable.Range(0, count).Chunk(FewAtOnce))
        {
            answers.AddRange(await Task.WhenAll(few.Select(
                _ => SendAsync(client, Body(""","stream":true,"max_tokens":16"""), HttpCompletionOption.ResponseHeadersRead))));
        }

        answers.ShouldAllBe(answer => answer.StatusCode == HttpStatusCode.OK);
        await gate.ReachedAsync(count, TimeSpan.FromSeconds(60));
        answers.ForEach(answer => answer.Dispose());
    }

    private static int Gone(MockProvider mock) => mock.Books.Bills.Count(bill => bill.Disconnected);

    private static async Task<long> RowsAsync(CrewServer server) =>
        (await server.GetAsync("/v1/gateway/usage?group_by=model")).EnumerateArray().Sum(group => group.GetProperty("attempts").GetInt64());

    /// <summary>Everything is settled, nothing held or lost. What was broken off is estimated, never below the bill.</summary>
    private static async Task NothingIsOwedAsync(CrewServer server, string budget, MockProvider mock)
    {
        JsonElement explained = default;
        await UntilAsync(async () => Dollars(explained = await server.ExplainBudgetAsync(budget), "held_usd") == 0);
        Dollars(explained, "lost_usd").ShouldBe(0);
        Dollars(explained, "settled_usd").ShouldBeGreaterThanOrEqualTo(mock.Books.TotalNanoUsd / 1e9m);
    }

    private static decimal Dollars(JsonElement explained, string name) =>
        decimal.Parse(explained.GetProperty(name).GetString()!, CultureInfo.InvariantCulture);

    private static Task UntilAsync(Func<bool> holds, Func<string> otherwise) => UntilAsync(() => Task.FromResult(holds()), otherwise);

    private static async Task UntilAsync(Func<Task<bool>> holds, Func<string>? otherwise = null)
    {
        for (var tries = 0; tries < 1_200; tries++)
        {
            if (await holds())
            {
                return;
            }

            await Task.Delay(50);
        }

        Assert.Fail($"It never came to that. {otherwise?.Invoke()}");
    }
}
