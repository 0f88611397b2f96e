using System.Diagnostics;
using System.Net;
using System.Text.Json;
using Crew.Testing;
using Shouldly;
using Xunit;
using static Crew.Gateway.Tests.EndToEnd.GatewayServer;

namespace Crew.Gateway.Tests.EndToEnd;

[Collection(GatewayServerGroup.Name)]
public sealed class FailureTests : IDisposable
{
    private static readonly string Streaming = Body(""","stream":true,"max_tokens":64""");

    private readonly GatewayServer _gateway;

    public FailureTests(GatewayServer gateway)
    {
        _gateway = gateway;
        _gateway.Mock.Reset();
    }

    public void Dispose() => _gateway.Mock.Reset();

    [Theory]
    [InlineData(401, 502, "provider_credentials_rejected")]
    [InlineData(403, 502, "provider_credentials_rejected")]
    [InlineData(400, 400, "context_length_exceeded")]
    [InlineData(429, 429, "rate_limit_exceeded")]
    [InlineData(500, 500, "server_error")]
    public async Task A_providers_refusal_reaches_the_client_and_costs_nothing(int upstream, int status, string code)
    {
        _gateway.Mock.Default = MockBehavior.Fails(upstream);
        using var answer = await SendAsync(await _gateway.KeyAsync(), Body());
        ((int)answer.StatusCode).ShouldBe(status);
        (await ErrorOf(answer)).GetProperty("code").GetString().ShouldBe(code);
        var attempt = (await _gateway.AttemptsAsync(RequestIdOf(answer)))[0];
        attempt.GetProperty("cost_usd").GetString().ShouldBe(Usd(0));
        attempt.GetProperty("status").GetInt32().ShouldBe(upstream);
    }

    [Theory]
    [InlineData(MockShape.Html)]
    [InlineData(MockShape.Garbage)]
    public async Task A_success_that_is_no_answer_is_502(MockShape shape)
    {
        _gateway.Mock.Default = new MockBehavior { Shape = shape };
        using var answer = await SendAsync(await _gateway.KeyAsync(), Body());
        answer.StatusCode.ShouldBe(HttpStatusCode.BadGateway);
        (await ErrorOf(answer)).GetProperty("code").GetString().ShouldBe("provider_unavailable");
    }

    [Fact]
    public async Task A_dead_provider_is_502_and_one_that_hangs_is_504()
    {
        var dead = await _gateway.Server.CreateProviderAtAsync(new Uri("http://127.0.0.1:1/v1"), Credential);
        await _gateway.Server.CreateModelAsync(new NewModel { Id = "dead", ProviderId = dead });
        using var refused = await SendAsync(await _gateway.KeyAsync(), Body(model: "dead"));
        refused.StatusCode.ShouldBe(HttpStatusCode.BadGateway);

        var slow = await _gateway.Server.PostAsync("/v1/gateway/providers", new Dictionary<string, object?>
        {
            ["name"] = "slow", ["kind"] = "openai", ["base_url"] = _gateway.Mock.BaseUrl.ToString(), ["api_key"] = Credential,
            ["timeouts"] = new { first_byte_seconds = 1 },
        });
        await _gateway.Server.CreateModelAsync(new NewModel { Id = "slow", ProviderId = slow.GetProperty("id").GetString()! });
        _gateway.Mock.Default = new MockBehavior { Shape = MockShape.Hang };
        using var late = await SendAsync(await _gateway.KeyAsync(), Body(model: "slow"));
        late.StatusCode.ShouldBe(HttpStatusCode.GatewayTimeout);
        (await ErrorOf(late)).GetProperty("code").GetString().ShouldBe("provider_timeout");
    }

    [Fact]
    public async Task A_failed_target_is_followed_by_the_next_and_both_attempts_are_on_record()
    {
        var dead = await _gateway.Server.CreateProviderAtAsync(new Uri("http://127.0.0.1:1/v1"), Credential);
        await _gateway.Server.PostAsync("/v1/gateway/models", new Dictionary<string, object?>
        {
            ["id"] = "with-fallback",
            ["targets"] = new[]
            {
                new { provider_id = dead, upstream_model = "a", priority = 1 },
                new { provider_id = _gateway.ProviderId, upstream_model = "b", priority = 2 },
                new { provider_id = _gateway.ProviderId, upstream_model = "c", priority = 3 },
            },
            ["price_per_million_usd"] = new { input = "0.15", output = "0.60" },
        });
        _gateway.Mock.Next(MockBehavior.Fails(503), MockBehavior.Instant);
        using var answer = await SendAsync(await _gateway.KeyAsync(), Body(model: "with-fallback"));
        answer.StatusCode.ShouldBe(HttpStatusCode.OK);
        var attempts = await _gateway.AttemptsAsync(RequestIdOf(answer));
        attempts.GetArrayLength().ShouldBe(3);
        attempts.EnumerateArray().Select(a => a.GetProperty("status").GetInt32()).ShouldBe([502, 503, 200]);
    }

    [Fact]
    public async Task A_stream_that_breaks_ends_with_an_error_and_is_settled()
    {
        _gateway.Mock.Default = new MockBehavior { CutAfterChunks = 3 };
        using var answer = await SendAsync(await _gateway.KeyAsync(), Streaming);
        var text = await answer.Content.ReadAsStringAsync();
        text.ShouldNotContain("[DONE]");
        text.ShouldContain("\"code\":\"provider_unavailable\"");
        (await _gateway.AttemptsAsync(RequestIdOf(answer)))[0].GetProperty("provenance").GetString().ShouldBe("floor");
    }

    [Fact]
    public async Task An_answer_without_usage_is_estimated_and_never_free()
    {
        _gateway.Mock.Default = new MockBehavior { Usage = MockUsage.Missing };
        var client = await _gateway.KeyAsync();
        foreach (var body in new[] { Body(), Streaming })
        {
            using var answer = await SendAsync(client, body);
            await answer.Content.ReadAsByteArrayAsync();
            var attempt = (await _gateway.AttemptsAsync(RequestIdOf(answer)))[0];
            attempt.GetProperty("provenance").GetString().ShouldBe("estimated");
            attempt.GetProperty("cost_usd").GetString().ShouldNotBe(Usd(0));
            attempt.GetProperty("tokens").GetProperty("output").GetInt64().ShouldBeGreaterThan(0);
        }
    }

    [Fact]
    [Trait("Trap", "19")]
    public async Task A_revoked_key_loses_its_open_stream_within_a_second()
    {
        var gate = new MockGate();
        _gateway.Mock.Default = new MockBehavior { Gate = gate, GateAfterChunks = 2 };
        var key = await _gateway.Server.CreateKeyAsync(new NewKey());
        using var answer = await SendAsync(_gateway.Server.Client(key.Key), Streaming, HttpCompletionOption.ResponseHeadersRead);
        await gate.ReachedAsync(1, TimeSpan.FromSeconds(30));
        var reading = answer.Content.ReadAsStringAsync();
        await _gateway.Server.RevokeKeyAsync(key.Id);
        var since = Stopwatch.GetTimestamp();
        var text = await reading;
        Stopwatch.GetElapsedTime(since).ShouldBeLessThan(TimeSpan.FromSeconds(1));
        var last = text.Split("\n\n", StringSplitOptions.RemoveEmptyEntries)[^1];
        using var json = JsonDocument.Parse(last["data: ".Length..]);
        json.RootElement.GetProperty("error").GetProperty("code").GetString().ShouldBe("expired_api_key");
        gate.Open();
        var attempt = (await _gateway.AttemptsAsync(RequestIdOf(answer)))[0];
        attempt.GetProperty("cost_usd").GetString().ShouldBe(Usd(_gateway.Mock.Books.TotalNanoUsd));
    }

    [Fact]
    public async Task Where_breaking_off_ends_the_bill_a_client_that_leaves_ends_the_call()
    {
        var provider = await _gateway.Server.PostAsync("/v1/gateway/providers", new Dictionary<string, object?>
        {
            ["name"] = "fair", ["kind"] = "openai", ["base_url"] = _gateway.Mock.BaseUrl.ToString(), ["api_key"] = Credential,
            ["cancel_stops_billing"] = true,
        });
        await _gateway.Server.CreateModelAsync(new NewModel { Id = "fair", ProviderId = provider.GetProperty("id").GetString()! });
        var gate = new MockGate();
        _gateway.Mock.Default = new MockBehavior { Gate = gate, GateAfterChunks = 3, StopsBillingOnDisconnect = true };
        string requestId;
        using (var answer = await SendAsync(await _gateway.KeyAsync(), Streaming.Replace(Model, "fair"), HttpCompletionOption.ResponseHeadersRead))
        {
            requestId = RequestIdOf(answer);
            await gate.ReachedAsync(1, TimeSpan.FromSeconds(30));
        }

        await _gateway.Mock.Books.QuietAsync(TimeSpan.FromSeconds(30));
        _gateway.Mock.Books.Bills.Single().Disconnected.ShouldBeTrue();
        var attempt = (await _gateway.AttemptsAsync(requestId))[0];
        attempt.GetProperty("provenance").GetString().ShouldBe("floor");
        attempt.GetProperty("outcome").GetString().ShouldBe("client_closed");
        attempt.GetProperty("cost_usd").GetString().ShouldNotBe(Usd(0));
    }

    [Fact]
    public async Task The_sandbox_fails_as_its_directives_say_and_takes_the_same_way()
    {
        var client = await _gateway.KeyAsync();
        using var refused = await SendAsync(client, Body(model: "crew-sandbox-script", text: "[[error=503]]"));
        ((int)refused.StatusCode).ShouldBe(503);
        using var cut = await SendAsync(client, Body(""","stream":true""", "crew-sandbox-script", "[[tokens=9 cut=1 after=4]]"));
        var text = await cut.Content.ReadAsStringAsync();
        text.ShouldContain("\"code\":\"provider_unavailable\"");
        text.ShouldNotContain("[DONE]");
        using var slow = await SendAsync(client, Body(""","stream":true""", "crew-sandbox-script", "[[tokens=9 delay_ms=5]]"));
        (await slow.Content.ReadAsStringAsync()).ShouldEndWith("data: [DONE]\n\n");
    }

    [Fact]
    public async Task An_answer_that_comes_after_its_key_was_revoked_is_not_served()
    {
        var gate = new MockGate();
        _gateway.Mock.Default = new MockBehavior { Gate = gate };
        var key = await _gateway.Server.CreateKeyAsync(new NewKey());
        var sending = SendAsync(_gateway.Server.Client(key.Key), Body());
        await gate.ReachedAsync(1, TimeSpan.FromSeconds(30));
        await _gateway.Server.RevokeKeyAsync(key.Id);
        gate.Open();
        using var answer = await sending;
        answer.StatusCode.ShouldBe(HttpStatusCode.Unauthorized);
        (await ErrorOf(answer)).GetProperty("code").GetString().ShouldBe("expired_api_key");
        var attempt = (await _gateway.AttemptsAsync(RequestIdOf(answer)))[0];
        attempt.GetProperty("cost_usd").GetString().ShouldBe(Usd(_gateway.Mock.Books.TotalNanoUsd));
    }
}
