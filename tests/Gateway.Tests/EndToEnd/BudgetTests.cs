using System.Net;
using Crew.Testing;
using Shouldly;
using Xunit;
using static Crew.Gateway.Tests.EndToEnd.GatewayServer;

namespace Crew.Gateway.Tests.EndToEnd;

[Collection(GatewayServerGroup.Name)]
public sealed class BudgetTests : IDisposable
{
    private const int Cap = 16;
    private const int Admitted = 10;
    private static readonly string Request = Body($",\"max_tokens\":{Cap}");
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(60);

    private readonly GatewayServer _gateway;

    public BudgetTests(GatewayServer gateway)
    {
        _gateway = gateway;
        _gateway.Mock.Reset();
    }

    public void Dispose() => _gateway.Mock.Reset();

    [Theory]
    [InlineData(1_000, 0)]
    [InlineData(200, 7)]
    [Trait("Trap", "1")]
    [Trait("Trap", "34")]
    public async Task Of_many_at_once_exactly_those_are_admitted_that_the_cap_pays_for(int requests, long beyond)
    {
        var gate = new MockGate();
        _gateway.Mock.Default = new MockBehavior { Gate = gate, CompletionTokens = 1_000 };
        var (client, budget) = await CappedAsync((WorstCase(Request, Cap) * Admitted) + beyond);
        var answers = Enumerable.Range(0, requests).Select(_ => SendAsync(client, Request)).ToList();
        await gate.ReachedAsync(Admitted, Limit);
        await UntilAsync(() => answers.Count(a => a.IsCompleted) == requests - Admitted);
        gate.Open();
        var done = await Task.WhenAll(answers);

        done.Count(a => a.StatusCode == HttpStatusCode.OK).ShouldBe(Admitted);
        var refused = done.Where(a => a.StatusCode == HttpStatusCode.PaymentRequired).ToList();
        refused.Count.ShouldBe(requests - Admitted);
        refused.ShouldAllBe(a => a.Headers.GetValues("x-should-retry").Single() == "false");
        _gateway.Mock.Books.Received.ShouldBe(Admitted);
        await ShouldBeSettledAsync(budget);
        _gateway.Mock.Books.TotalNanoUsd.ShouldBeLessThanOrEqualTo((WorstCase(Request, Cap) * Admitted) + beyond);
    }

    [Fact]
    public async Task What_an_answer_did_not_cost_pays_for_the_next()
    {
        _gateway.Mock.Default = new MockBehavior { CompletionTokens = 1, PromptTokens = 1 };
        var worst = WorstCase(Request, Cap);
        var (client, budget) = await CappedAsync(worst * 2);
        var admitted = 0;
        while (true)
        {
            using var answer = await SendAsync(client, Request);
            if (answer.StatusCode == HttpStatusCode.PaymentRequired)
            {
                break;
            }

            answer.StatusCode.ShouldBe(HttpStatusCode.OK);
            (++admitted).ShouldBeLessThan(1_000);
        }

        // Each costs 750; the last one is admitted as long as a whole worst case is left.
        admitted.ShouldBe((int)(worst / (InputNano + OutputNano)) + 1);
        await ShouldBeSettledAsync(budget);
    }

    [Fact]
    public async Task A_clamped_request_goes_out_with_the_cap_that_is_paid_for()
    {
        var key = await _gateway.Server.CreateKeyAsync(new NewKey());
        await _gateway.Server.CreateBudgetAsync($"key:{key.Id}", Usd(WorstCase(Request, 40)), clampOutput: true);
        using var answer = await SendAsync(_gateway.Server.Client(key.Key), Request.Replace("\"max_tokens\":16", "\"max_tokens\":64"));
        answer.StatusCode.ShouldBe(HttpStatusCode.OK);
        _gateway.Mock.Books.Bills.Single().Cap.ShouldBe(40);
    }

    [Fact]
    public async Task A_model_without_a_price_is_not_called_under_a_budget()
    {
        await _gateway.Server.PostAsync("/v1/gateway/models", new Dictionary<string, object?>
        {
            ["id"] = "unpriced",
            ["targets"] = new[] { new { provider_id = _gateway.ProviderId, upstream_model = "mock-mini" } },
        });
        var (client, _) = await CappedAsync(1_000_000_000);
        using var refused = await SendAsync(client, Body(model: "unpriced"));
        refused.StatusCode.ShouldBe(HttpStatusCode.BadRequest);
        (await ErrorOf(refused)).GetProperty("code").GetString().ShouldBe("model_not_priced");
        using var free = await SendAsync(await _gateway.KeyAsync(), Body(model: "unpriced"));
        free.StatusCode.ShouldBe(HttpStatusCode.OK);
    }

    [Fact]
    public async Task A_provider_that_bills_beyond_its_cap_takes_no_more_strict_requests()
    {
        await _gateway.Server.CreateModelAsync(new NewModel { Id = "talkative", ProviderId = _gateway.ProviderId, UpstreamModel = "talkative" });
        _gateway.Mock.Default = new MockBehavior { HonoursCap = false, CompletionTokens = 5_000 };
        var (client, budget) = await CappedAsync(1_000_000_000);
        var body = Body(""","max_tokens":16""", "talkative");
        using var first = await SendAsync(client, body);
        first.StatusCode.ShouldBe(HttpStatusCode.OK);
        using var second = await SendAsync(client, body);
        (await ErrorOf(second)).GetProperty("code").GetString().ShouldBe("cost_not_boundable");
        using var unbudgeted = await SendAsync(await _gateway.KeyAsync(), body);
        unbudgeted.StatusCode.ShouldBe(HttpStatusCode.OK);
        var explained = await _gateway.Server.ExplainBudgetAsync(budget);
        explained.GetProperty("settled_usd").GetString().ShouldBe(Usd(_gateway.Mock.Books.Bills[0].NanoUsd));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_client_that_leaves_a_stream_is_settled_at_the_providers_bill(bool beforeTheFirstChunk)
    {
        var gate = new MockGate();
        _gateway.Mock.Default = new MockBehavior { Gate = gate, GateAfterChunks = beforeTheFirstChunk ? 0 : 4, CompletionTokens = 12 };
        var (client, budget) = await CappedAsync(WorstCase(Request, Cap) * 3);
        using (var answer = await SendAsync(client, Request.Replace("{\"model", "{\"stream\":true,\"model"), HttpCompletionOption.ResponseHeadersRead))
        {
            await gate.ReachedAsync(1, Limit);
        }

        await Task.Delay(300);
        gate.Open();
        await _gateway.Mock.Books.QuietAsync(Limit);
        await ShouldBeSettledAsync(budget);
    }

    [Fact]
    public async Task Of_a_thousand_streams_whose_clients_leave_exactly_those_are_admitted_that_the_cap_pays_for()
    {
        const int streams = 1_000;
        var gate = new MockGate();
        _gateway.Mock.Default = new MockBehavior { Gate = gate, GateAfterChunks = 3, CompletionTokens = 1_000 };
        var body = Request.Replace("{\"model", "{\"stream\":true,\"model");
        var cap = WorstCase(body, Cap) * Admitted;
        var (client, budget) = await CappedAsync(cap);
        var done = await Task.WhenAll(Enumerable.Range(0, streams).Select(_ => SendAsync(client, body, HttpCompletionOption.ResponseHeadersRead)));
        await gate.ReachedAsync(Admitted, Limit);
        var admitted = done.Where(a => a.StatusCode == HttpStatusCode.OK).ToList();
        admitted.Count.ShouldBe(Admitted);
        done.Count(a => a.StatusCode == HttpStatusCode.PaymentRequired).ShouldBe(streams - Admitted);

        // Who leaves gives nothing back before the provider has said what it bills.
        admitted[..(Admitted / 2)].ForEach(left => left.Dispose());
        using (var late = await SendAsync(client, body))
        {
            late.StatusCode.ShouldBe(HttpStatusCode.PaymentRequired);
        }

        gate.Open();
        foreach (var stays in admitted[(Admitted / 2)..])
        {
            (await stays.Content.ReadAsStringAsync()).ShouldEndWith("data: [DONE]\n\n");
        }

        await _gateway.Mock.Books.QuietAsync(Limit);
        await ShouldBeSettledAsync(budget);
        _gateway.Mock.Books.Received.ShouldBe(Admitted);
        _gateway.Mock.Books.TotalNanoUsd.ShouldBeLessThanOrEqualTo(cap);
    }

    private async Task<(HttpClient Client, string BudgetId)> CappedAsync(long nano)
    {
        var key = await _gateway.Server.CreateKeyAsync(new NewKey());
        return (_gateway.Server.Client(key.Key), await _gateway.Server.CreateBudgetAsync($"key:{key.Id}", Usd(nano)));
    }

    /// <summary>No hold is left, nothing is lost, and what is settled is the provider's own bill.</summary>
    private async Task ShouldBeSettledAsync(string budgetId)
    {
        var explained = await _gateway.Server.ExplainBudgetAsync(budgetId);
        for (var tries = 0; tries < 200 && explained.GetProperty("held_usd").GetString() != Usd(0); tries++)
        {
            await Task.Delay(25);
            explained = await _gateway.Server.ExplainBudgetAsync(budgetId);
        }

        explained.GetProperty("held_usd").GetString().ShouldBe(Usd(0));
        explained.GetProperty("lost_usd").GetString().ShouldBe(Usd(0));
        explained.GetProperty("settled_usd").GetString().ShouldBe(Usd(_gateway.Mock.Books.TotalNanoUsd));
    }

    private static async Task UntilAsync(Func<bool> isSo)
    {
        using var late = new CancellationTokenSource(Limit);
        while (!isSo())
        {
            await Task.Delay(20, late.Token);
        }
    }
}
