using System.Net;
using System.Text;
using System.Text.Json;
using Crew.Testing;
using Shouldly;
using Xunit;
using static Crew.Gateway.Tests.EndToEnd.GatewayServer;

namespace Crew.Gateway.Tests.EndToEnd;

/// <summary>Long streams under strict budgets where breaking off ends the bill: paid for in steps, never beyond the cap by the provider's own books.</summary>
[Collection(GatewayServerGroup.Name)]
public sealed class StepwiseTests : IDisposable
{
    private const int Margin = 600;
    private const int Whole = 100_000;
    private const int Input = 256;
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(60);

    private readonly GatewayServer _gateway;

    public StepwiseTests(GatewayServer gateway)
    {
        _gateway = gateway;
        _gateway.Mock.Reset();
        _gateway.Mock.Default = Speaking(4_000);
    }

    public void Dispose() => _gateway.Mock.Reset();

    [Theory]
    [InlineData("/v1/chat/completions", "openai", "\"finish_reason\":\"length\"", "data: [DONE]\n\n")]
    [InlineData("/v1/messages", "anthropic", "\"stop_reason\":\"max_tokens\"", "event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n")]
    [InlineData("/v1/responses", "openai", "\"reason\":\"max_output_tokens\"", "\n\n")]
    [InlineData("/v1/messages", "openai", "\"stop_reason\":\"max_tokens\"", "event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n")]
    public async Task A_stream_that_no_budget_pays_to_the_end_is_cut_well_formed_and_below_the_cap(string path, string kind, string reason, string ending)
    {
        var model = await ModelAsync($"steps{path}-{kind}", Margin, kind);
        var cap = (Input + 1_000) * InputNano + (6_000 * OutputNano);
        var (client, budget) = await CappedAsync(cap);
        using var answer = await SendToAsync(path, client, BodyFor(path, model));
        answer.StatusCode.ShouldBe(HttpStatusCode.OK);
        var text = await answer.Content.ReadAsStringAsync();
        text.ShouldContain(reason);
        text.ShouldEndWith(ending);
        await _gateway.Mock.Books.QuietAsync(Limit);
        var bill = _gateway.Mock.Books.Bills.ShouldHaveSingleItem();
        bill.Cap.ShouldBe(Whole);
        bill.Disconnected.ShouldBeTrue();
        bill.CompletionTokens.ShouldBeInRange(500, 3_999);
        var attempt = (await _gateway.AttemptsAsync(RequestIdOf(answer)))[0];
        attempt.GetProperty("outcome").GetString().ShouldBe("success");
        attempt.GetProperty("provenance").GetString().ShouldBe("estimated");
        await ShouldCoverAsync(budget, cap);
    }

    [Fact]
    public async Task An_answer_that_ends_by_itself_costs_what_the_provider_says()
    {
        _gateway.Mock.Default = Speaking(1_500);
        var model = await ModelAsync("steps-whole", Margin);
        var cap = (Input + 1_000) * InputNano + (12_000 * OutputNano);
        var (client, budget) = await CappedAsync(cap);
        using var answer = await SendAsync(client, BodyFor("/v1/chat/completions", model));
        (await answer.Content.ReadAsStringAsync()).ShouldEndWith("data: [DONE]\n\n");
        (await SettledAsync(budget)).ShouldBe(_gateway.Mock.Books.TotalNanoUsd);
    }

    [Fact]
    public async Task Without_a_known_margin_the_whole_worst_case_is_held()
    {
        var model = await ModelAsync("no-margin", margin: null);
        var (client, _) = await CappedAsync((Input + 1_000) * InputNano + (6_000 * OutputNano));
        using var refused = await SendAsync(client, BodyFor("/v1/chat/completions", model));
        refused.StatusCode.ShouldBe(HttpStatusCode.PaymentRequired);
        _gateway.Mock.Books.Received.ShouldBe(0);
    }

    [Fact]
    public async Task Many_long_streams_share_what_is_left_and_their_bills_stay_below_the_cap()
    {
        var model = await ModelAsync("steps-many", Margin);
        var cap = (8 * (Input + 1_000) * InputNano) + (40_000 * OutputNano);
        var (client, budget) = await CappedAsync(cap);
        var answers = await Task.WhenAll(Enumerable.Range(0, 8).Select(async _ =>
        {
            using var answer = await SendAsync(client, BodyFor("/v1/chat/completions", model));
            return (answer.StatusCode, Text: await answer.Content.ReadAsStringAsync());
        }));
        answers.ShouldAllBe(a => a.StatusCode == HttpStatusCode.OK && a.Text.EndsWith("data: [DONE]\n\n"));
        answers.ShouldContain(a => a.Text.Contains("\"finish_reason\":\"length\""));
        await _gateway.Mock.Books.QuietAsync(Limit);
        await ShouldCoverAsync(budget, cap);
    }

    [Theory]
    [InlineData(null, "exact")]
    [InlineData(Margin, "estimated")]
    public async Task Clients_that_leave_again_and_again_do_not_pass_the_cap_where_cancelling_ends_the_bill(int? margin, string provenance)
    {
        const int most = 1_500;
        MockGate gate = null!;

        // A prompt of as many tokens as the body has bytes, and a token for each byte of the answer: the dearest that it can be.
        _gateway.Mock.Rule = r => new MockBehavior
        {
            Gate = gate = new MockGate(), GateAfterChunks = 3, Chunks = 6, CompletionTokens = 24,
            Text = "aaa bbb ccc ddd eee fff ", PromptTokens = r.BodyBytes, StopsBillingOnDisconnect = margin is not null,
        };
        var model = await ModelAsync($"leaving-{margin}", margin);
        var body = Body(""","stream":true,"max_tokens":1500""", model);
        var cap = WorstCase(body, most) * 2;
        var (client, budget) = await CappedAsync(cap);
        var admitted = 0;
        for (; admitted < 12; admitted++)
        {
            string requestId;
            using (var answer = await SendAsync(client, body, HttpCompletionOption.ResponseHeadersRead))
            {
                if (answer.StatusCode == HttpStatusCode.PaymentRequired)
                {
                    break;
                }

                answer.StatusCode.ShouldBe(HttpStatusCode.OK);
                await gate!.ReachedAsync(1, Limit);
                requestId = RequestIdOf(answer);
            }

            if (margin is null)
            {
                // It is read to its end for nobody.
                gate.Open();
            }

            await _gateway.Mock.Books.QuietAsync(Limit);
            (await _gateway.AttemptsAsync(requestId))[0].GetProperty("provenance").GetString().ShouldBe(provenance);
        }

        admitted.ShouldBeInRange(2, 12);
        await ShouldCoverAsync(budget, cap);
    }

    [Fact]
    public async Task A_margin_is_shown_changed_and_refused_where_it_is_no_number_of_tokens()
    {
        var id = await _gateway.Server.CreateProviderAsync(_gateway.Mock, "margin", cancelStopsBilling: true, cancelMarginTokens: 300);
        var path = $"/v1/gateway/providers/{id}";
        (await _gateway.Server.GetAsync(path)).GetProperty("cancel_margin_tokens").GetInt32().ShouldBe(300);
        (await PatchAsync("""{"cancel_margin_tokens":900}""")).GetProperty("cancel_margin_tokens").GetInt32().ShouldBe(900);
        (await PatchAsync("""{"name":"other"}""")).GetProperty("cancel_margin_tokens").GetInt32().ShouldBe(900);
        (await PatchAsync("""{"cancel_margin_tokens":null}""")).TryGetProperty("cancel_margin_tokens", out var none).ShouldBe(none.ValueKind == JsonValueKind.Null);
        foreach (var wrong in new[] { "-1", "1000001", "\"many\"", "1.5" })
        {
            using var refused = await SendPatchAsync($$"""{"cancel_margin_tokens":{{wrong}}}""");
            refused.StatusCode.ShouldBe(HttpStatusCode.BadRequest, wrong);
        }

        async Task<JsonElement> PatchAsync(string body)
        {
            using var answer = await SendPatchAsync(body);
            var text = await answer.Content.ReadAsStringAsync();
            answer.StatusCode.ShouldBe(HttpStatusCode.OK, text);
            return JsonDocument.Parse(text).RootElement.GetProperty("data");
        }

        Task<HttpResponseMessage> SendPatchAsync(string body) => _gateway.Server.Master.PatchAsync(
            new Uri(path, UriKind.Relative), new StringContent(body, Encoding.UTF8, "application/json"));
    }

    /// <summary>One word a token, about as fast as the fastest models.</summary>
    private static MockBehavior Speaking(int tokens) => new()
    {
        CompletionTokens = tokens, Text = string.Join(' ', Enumerable.Repeat("word", tokens)), Chunks = tokens / 4, ChunksPerSecond = 200, StopsBillingOnDisconnect = true,
    };

    private static string BodyFor(string path, string model) => path switch
    {
        "/v1/responses" => $$"""{"model":"{{model}}","stream":true,"max_output_tokens":{{Whole}},"input":"Say something long."}""",
        "/v1/messages" => Message($$""","stream":true,"max_tokens":{{Whole}}""", model),
        _ => Body($$""","stream":true,"max_tokens":{{Whole}}""", model),
    };

    private async Task<string> ModelAsync(string id, int? margin, string kind = "openai")
    {
        id = id.Replace('/', '-');
        var provider = await _gateway.Server.CreateProviderAsync(_gateway.Mock, id, kind: kind, cancelStopsBilling: true, cancelMarginTokens: margin);
        await _gateway.Server.CreateModelAsync(new NewModel { Id = id, ProviderId = provider, UpstreamModel = "mock-long" });
        return id;
    }

    private async Task<(HttpClient Client, string BudgetId)> CappedAsync(long nano)
    {
        var key = await _gateway.Server.CreateKeyAsync(new NewKey());
        return (_gateway.Server.Client(key.Key), await _gateway.Server.CreateBudgetAsync($"key:{key.Id}", Usd(nano)));
    }

    /// <summary>What is settled covers the provider's own bill, and stays below the cap.</summary>
    private async Task ShouldCoverAsync(string budgetId, long cap)
    {
        var settled = await SettledAsync(budgetId);
        _gateway.Mock.Books.TotalNanoUsd.ShouldBeLessThanOrEqualTo(settled);
        settled.ShouldBeLessThanOrEqualTo(cap);
    }

    private async Task<long> SettledAsync(string budgetId)
    {
        using var late = new CancellationTokenSource(Limit);
        while (true)
        {
            var explained = await _gateway.Server.ExplainBudgetAsync(budgetId);
            if (explained.GetProperty("held_usd").GetString() == Usd(0))
            {
                return (long)(decimal.Parse(explained.GetProperty("settled_usd").GetString()!, System.Globalization.CultureInfo.InvariantCulture) * 1_000_000_000m);
            }

            await Task.Delay(25, late.Token);
        }
    }
}
