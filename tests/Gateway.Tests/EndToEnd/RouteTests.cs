using System.Net;
using System.Text.Json;
using Crew.Testing;
using Shouldly;
using Xunit;
using static Crew.Gateway.Tests.EndToEnd.GatewayServer;

namespace Crew.Gateway.Tests.EndToEnd;

[Collection(GatewayServerGroup.Name)]
public sealed class RouteTests : IDisposable
{
    private static int _models;

    private readonly GatewayServer _gateway;

    public RouteTests(GatewayServer gateway)
    {
        _gateway = gateway;
        _gateway.Mock.Reset();
    }

    public void Dispose() => _gateway.Mock.Reset();

    [Fact]
    [Trait("Trap", "10")]
    public async Task A_stream_that_breaks_before_its_first_content_begins_anew_elsewhere_and_the_client_sees_one_stream()
    {
        var model = await ModelAsync("first", "second");
        _gateway.Mock.ForModel(model + "-first", new MockBehavior { CutAfterChunks = 0 });
        using var answer = await SendAsync(await _gateway.KeyAsync(), Streaming(model));
        var text = await answer.Content.ReadAsStringAsync();
        text.ShouldEndWith("data: [DONE]\n\n");
        text.ShouldNotContain("-first\"");
        text.Split("\"role\":\"assistant\"").Length.ShouldBe(2, "the role of the broken stream was held back");
        var attempts = (await _gateway.AttemptsAsync(RequestIdOf(answer))).EnumerateArray().ToList();
        attempts.Select(a => a.GetProperty("outcome").GetString()).ShouldBe(["provider_unavailable", "success"]);
    }

    [Fact]
    [Trait("Trap", "10")]
    public async Task A_stream_that_breaks_after_its_first_content_is_not_begun_anew()
    {
        var model = await ModelAsync("first", "second");
        _gateway.Mock.ForModel(model + "-first", new MockBehavior { CutAfterChunks = 2 });
        using var answer = await SendAsync(await _gateway.KeyAsync(), Streaming(model));
        var text = await answer.Content.ReadAsStringAsync();
        text.ShouldNotContain("[DONE]");
        text.ShouldContain("\"code\":\"provider_unavailable\"");
        (await _gateway.AttemptsAsync(RequestIdOf(answer))).GetArrayLength().ShouldBe(1);
    }

    [Fact]
    [Trait("Trap", "9")]
    public async Task An_error_inside_a_stream_before_any_content_is_a_failure_of_the_target()
    {
        var raw = await _gateway.Server.CreateProviderAtAsync(_gateway.Raw.BaseUrl, Credential);
        var model = await ModelAsync([raw, _gateway.ProviderId], "erring", "second");
        _gateway.Raw.Answer = RawProvider.Stream("data: {\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"\"}}]}\n\ndata: {\"error\":{\"message\":\"overloaded\"}}\n\n");
        using var answer = await SendAsync(await _gateway.KeyAsync(), Streaming(model));
        var text = await answer.Content.ReadAsStringAsync();
        text.ShouldNotContain("overloaded");
        text.ShouldEndWith("data: [DONE]\n\n");
        (await _gateway.AttemptsAsync(RequestIdOf(answer))).GetArrayLength().ShouldBe(2);
    }

    [Fact]
    public async Task The_first_content_of_a_stream_is_not_held_back()
    {
        var model = await ModelAsync("first", "second");
        var gate = new MockGate();
        _gateway.Mock.Default = new MockBehavior { Gate = gate, GateAfterChunks = 1 };
        using var answer = await SendAsync(await _gateway.KeyAsync(), Streaming(model), HttpCompletionOption.ResponseHeadersRead);
        await using var stream = await answer.Content.ReadAsStreamAsync();
        var seen = "";
        var buffer = new byte[4096];
        while (!seen.Contains("\"content\":\"", StringComparison.Ordinal) || seen.EndsWith("\"content\":\"\"", StringComparison.Ordinal))
        {
            seen += System.Text.Encoding.UTF8.GetString(buffer, 0, await stream.ReadAsync(buffer));
        }

        gate.Open();
    }

    [Fact]
    public async Task An_answer_in_one_piece_that_breaks_off_or_makes_no_sense_is_asked_for_elsewhere()
    {
        var model = await ModelAsync("first", "second");
        _gateway.Mock.ForModel(model + "-first", new MockBehavior { Shape = MockShape.Garbage });
        using var answer = await SendAsync(await _gateway.KeyAsync(), Body(model: model));
        answer.StatusCode.ShouldBe(HttpStatusCode.OK);
        (await answer.Content.ReadAsStringAsync()).ShouldContain("-second\"");
    }

    [Theory]
    [InlineData("", HttpStatusCode.BadGateway)]
    [InlineData("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 900\r\n\r\n{\"choices\":[", HttpStatusCode.BadGateway)]
    public async Task What_was_sent_and_not_answered_is_not_asked_for_elsewhere(string answered, HttpStatusCode status)
    {
        var raw = await _gateway.Server.CreateProviderAtAsync(_gateway.Raw.BaseUrl, Credential);
        var model = await ModelAsync([raw, _gateway.ProviderId], "silent", "second");
        _gateway.Raw.Answer = System.Text.Encoding.UTF8.GetBytes(answered);
        using var answer = await SendAsync(await _gateway.KeyAsync(), Body(model: model));
        answer.StatusCode.ShouldBe(status);
        (await _gateway.AttemptsAsync(RequestIdOf(answer))).GetArrayLength().ShouldBe(1, "the first one may be billed");
        _gateway.Mock.Books.Received.ShouldBe(0);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_provider_that_hangs_may_be_working_and_is_not_followed(bool streams)
    {
        var provider = await _gateway.Server.PostAsync("/v1/gateway/providers", new Dictionary<string, object?>
        {
            ["name"] = "slow", ["kind"] = "openai", ["base_url"] = _gateway.Mock.BaseUrl.ToString().TrimEnd('/'), ["api_key"] = Credential,
            ["timeouts"] = new { first_byte_seconds = 1, idle_seconds = 1 },
        });
        var model = await ModelAsync([provider.GetProperty("id").GetString()!, _gateway.ProviderId], "slow", "second");
        var gate = new MockGate();
        _gateway.Mock.ForModel(model + "-slow", streams ? new MockBehavior { Gate = gate, GateAfterChunks = 0 } : new MockBehavior { FirstByteDelayMs = 5_000 });
        using var answer = await SendAsync(await _gateway.KeyAsync(), streams ? Streaming(model) : Body(model: model));
        answer.StatusCode.ShouldBe(HttpStatusCode.GatewayTimeout);
        (await _gateway.AttemptsAsync(RequestIdOf(answer))).EnumerateArray().Single().GetProperty("outcome").GetString().ShouldBe("provider_timeout");
        gate.Open();
    }

    [Fact]
    public async Task A_provider_that_was_never_reached_is_followed()
    {
        var nobody = await _gateway.Server.CreateProviderAtAsync(new Uri("http://127.0.0.1:1/v1"), Credential);
        var model = await ModelAsync([nobody, _gateway.ProviderId], "nobody", "second");
        using var answer = await SendAsync(await _gateway.KeyAsync(), Body(model: model));
        answer.StatusCode.ShouldBe(HttpStatusCode.OK);
        (await _gateway.AttemptsAsync(RequestIdOf(answer))).GetArrayLength().ShouldBe(2);
    }

    [Fact]
    public async Task A_target_that_keeps_failing_is_passed_over_and_its_health_says_so()
    {
        var model = await ModelAsync("first", "second");
        _gateway.Mock.ForModel(model + "-first", MockBehavior.Fails(500));
        _gateway.Mock.ForModel(model + "-second", new MockBehavior { LatencyMinMs = 5, LatencyMaxMs = 8 });
        var client = await _gateway.KeyAsync();
        for (var call = 0; call < 8; call++)
        {
            using var answer = await SendAsync(client, Body(model: model));
            answer.StatusCode.ShouldBe(HttpStatusCode.OK);
            (await _gateway.AttemptsAsync(RequestIdOf(answer))).GetArrayLength().ShouldBe(call < 5 ? 2 : 1);
        }

        var targets = (await _gateway.Server.GetAsync("/v1/gateway/targets?limit=100")).EnumerateArray()
            .Where(t => t.GetProperty("model").GetString() == model).ToList();
        targets.Select(t => t.GetProperty("health").GetProperty("state").GetString()).ShouldBe(["open", "closed"]);
        targets[0].GetProperty("health").GetProperty("rests_until").ValueKind.ShouldBe(JsonValueKind.String);
        targets[1].GetProperty("health").GetProperty("successes").GetInt64().ShouldBe(8);
        targets[1].GetProperty("health").GetProperty("latency_ms").GetDouble().ShouldBeGreaterThan(0);
        targets[1].GetProperty("health").GetProperty("in_flight").GetInt32().ShouldBe(0);
    }

    [Fact]
    public async Task A_short_wait_that_the_provider_asks_for_is_waited_once()
    {
        var model = await ModelAsync("only");
        _gateway.Mock.Next(new MockBehavior { Status = 429, Headers = new Dictionary<string, string> { ["retry-after-ms"] = "30" } }, MockBehavior.Instant);
        using var answer = await SendAsync(await _gateway.KeyAsync(), Body(model: model));
        answer.StatusCode.ShouldBe(HttpStatusCode.OK);
        (await _gateway.AttemptsAsync(RequestIdOf(answer))).EnumerateArray().Select(a => a.GetProperty("status").GetInt32()).ShouldBe([429, 200]);
        _gateway.Mock.Default = new MockBehavior { Status = 429, Headers = new Dictionary<string, string> { ["Retry-After"] = "3600" } };
        using var refused = await SendAsync(await _gateway.KeyAsync(), Body(model: model));
        refused.StatusCode.ShouldBe(HttpStatusCode.TooManyRequests, "an hour is not waited: the provider's own answer goes to the client");
        (await _gateway.AttemptsAsync(RequestIdOf(refused))).GetArrayLength().ShouldBe(1);
    }

    [Theory]
    [InlineData(504, false)]
    [InlineData(504, true)]
    [InlineData(524, false)]
    public async Task What_somebody_in_between_stopped_waiting_for_is_not_asked_of_another_and_is_settled(int status, bool isJson)
    {
        var raw = await _gateway.Server.CreateProviderAtAsync(_gateway.Raw.BaseUrl, Credential);
        var model = await ModelAsync([raw, _gateway.ProviderId], "late", "second");
        _gateway.Raw.Answer = isJson ? RawProvider.Json(status, """{"error":{"message":"upstream request timeout"}}""")
            : System.Text.Encoding.UTF8.GetBytes($"HTTP/1.1 {status} Late\r\nContent-Type: text/html\r\nConnection: close\r\n\r\n<h1>Timeout</h1>");
        using var answer = await SendAsync(await _gateway.KeyAsync(), Body(""","max_tokens":16""", model));
        answer.StatusCode.ShouldBe(HttpStatusCode.GatewayTimeout);
        (await answer.Content.ReadAsStringAsync()).ShouldContain(isJson ? "upstream request timeout" : "provider_timeout");
        var attempts = (await _gateway.AttemptsAsync(RequestIdOf(answer))).EnumerateArray().ToList();
        attempts.Count.ShouldBe(1, "whoever works may go on and bill it");
        attempts[0].GetProperty("provenance").GetString().ShouldBe("floor");
        attempts[0].GetProperty("tokens").GetProperty("input").GetInt64().ShouldBeGreaterThan(0);
    }

    private static string Streaming(string model) => Body(""","stream":true,"max_tokens":16""", model);

    private Task<string> ModelAsync(params string[] upstream) => ModelAsync([.. upstream.Select(_ => _gateway.ProviderId)], upstream);

    private async Task<string> ModelAsync(string[] providers, params string[] upstream)
    {
        var id = $"routed-{Interlocked.Increment(ref _models)}";
        await _gateway.Server.PostAsync("/v1/gateway/models", new Dictionary<string, object?>
        {
            ["id"] = id,
            ["targets"] = upstream.Select((name, at) => new { provider_id = providers[at], upstream_model = $"{id}-{name}", priority = at + 1 }).ToArray(),
            ["price_per_million_usd"] = new { input = "0.15", output = "0.60" },
        });
        return id;
    }
}
