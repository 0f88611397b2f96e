using System.Net;
using System.Text;
using System.Text.Json.Nodes;
using Crew.Testing;
using Shouldly;
using Xunit;
using static Crew.Gateway.Tests.EndToEnd.GatewayServer;

namespace Crew.Gateway.Tests.EndToEnd;

/// <summary>Anthropic clients before a provider of kind <c>anthropic</c>.</summary>
[Collection(GatewayServerGroup.Name)]
public sealed class MessageTests : IDisposable
{
    private const string Path = "/v1/messages";

    private readonly GatewayServer _gateway;

    public MessageTests(GatewayServer gateway)
    {
        _gateway = gateway;
        _gateway.Mock.Reset();
    }

    public void Dispose() => _gateway.Mock.Reset();

    [Fact]
    public async Task A_message_goes_and_comes_unchanged_but_for_the_model_and_is_metered_to_the_nano()
    {
        _gateway.Mock.Default = new MockBehavior
        {
            PromptTokens = 1_000, CachedTokens = 300, CacheWriteTokens = 200, LongCacheWriteTokens = 100, CompletionTokens = 20, Thinking = "Hm.",
        };
        var body = Message(""" ,"max_tokens" : 100,"system":[{"type":"text","text":"Be.","cache_control":{"type":"ephemeral","ttl":"1h"}}],"x":1.0 """);
        using var client = await _gateway.KeyAsync();
        client.DefaultRequestHeaders.Add("anthropic-version", "2023-06-01");
        client.DefaultRequestHeaders.Add("anthropic-beta", "a-2025-01-01,b-2025-02-02");
        using var answer = await SendToAsync(Path + "?beta=true", client, body);
        answer.StatusCode.ShouldBe(HttpStatusCode.OK);
        var text = await answer.Content.ReadAsStringAsync();
        text.ShouldContain("\"signature\":\"");
        text.ShouldContain("\"model\":\"mock-claude\"");
        answer.Headers.GetValues("request-id").Single().ShouldBe(RequestIdOf(answer));
        answer.Headers.GetValues("anthropic-ratelimit-requests-limit").Single().ShouldBe(answer.Headers.GetValues("X-RateLimit-Limit").Single());
        DateTimeOffset.TryParse(answer.Headers.GetValues("anthropic-ratelimit-requests-reset").Single(), out _).ShouldBeTrue();

        var record = _gateway.Mock.Books.Records[^1];
        record.Path.ShouldBe("/v1/messages");
        Encoding.UTF8.GetString(record.Body).ShouldBe(body.Replace($"\"{Claude}\"", "\"mock-claude\""));
        record.Headers["x-api-key"].ShouldBe(Credential);
        record.Headers.ContainsKey("Authorization").ShouldBeFalse();
        record.Headers["anthropic-beta"].ShouldBe("a-2025-01-01,b-2025-02-02");
        var attempt = (await _gateway.AttemptsAsync(RequestIdOf(answer)))[0];
        attempt.GetProperty("cost_usd").GetString().ShouldBe(Usd(_gateway.Mock.Books.Bills.Single().NanoUsd));
        attempt.GetProperty("provenance").GetString().ShouldBe("exact");
        attempt.GetProperty("endpoint").GetString().ShouldBe(Path);
        attempt.GetProperty("tokens").GetProperty("cache_write").GetInt64().ShouldBe(300);
    }

    [Fact]
    public async Task A_version_is_sent_where_the_client_named_none_and_a_missing_cap_is_the_models()
    {
        using var answer = await SendToAsync(Path, await _gateway.KeyAsync(), Message());
        answer.StatusCode.ShouldBe(HttpStatusCode.OK);
        _gateway.Mock.Books.Records[^1].Headers["anthropic-version"].ShouldBe("2023-06-01");
        _gateway.Mock.Books.Bills.Single().Cap.ShouldBe(4_096);
    }

    [Fact]
    [Trait("Trap", "7")]
    public async Task A_stream_arrives_byte_for_byte_and_its_cumulative_usage_counts_once()
    {
        _gateway.Mock.Default = new MockBehavior { PromptTokens = 50, CachedTokens = 10, CompletionTokens = 7, Thinking = "Hm." };
        using var answer = await SendToAsync(Path, await _gateway.KeyAsync(), Message(""","stream":true,"max_tokens":100"""));
        answer.Content.Headers.ContentType!.ToString().ShouldBe("text/event-stream; charset=utf-8");
        var text = await answer.Content.ReadAsStringAsync();
        text.ShouldStartWith("event: message_start\ndata: {\"type\":\"message_start\"");
        text.ShouldContain("event: ping\n");
        text.ShouldEndWith("event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n");
        var attempt = (await _gateway.AttemptsAsync(RequestIdOf(answer)))[0];
        attempt.GetProperty("cost_usd").GetString().ShouldBe(Usd(_gateway.Mock.Books.Bills.Single().NanoUsd));
        attempt.GetProperty("provenance").GetString().ShouldBe("exact");
        attempt.GetProperty("tokens").GetProperty("output").GetInt64().ShouldBe(7);
    }

    [Fact]
    public async Task A_spent_budget_is_a_billing_error_that_is_not_retried()
    {
        var key = await _gateway.Server.CreateKeyAsync(new NewKey { Budget = new NewKeyBudget("0.000000001") });
        using var answer = await SendToAsync(Path, _gateway.Server.Client(key.Key), Message(""","max_tokens":20"""));
        ((int)answer.StatusCode).ShouldBe(402);
        answer.Headers.GetValues("x-should-retry").Single().ShouldBe("false");
        var error = JsonNode.Parse(await answer.Content.ReadAsStringAsync())!;
        error["type"]!.GetValue<string>().ShouldBe("error");
        error["error"]!["type"]!.GetValue<string>().ShouldBe("billing_error");
        error["error"]!["code"]!.GetValue<string>().ShouldBe("insufficient_quota");
        error["request_id"]!.GetValue<string>().ShouldBe(RequestIdOf(answer));
        _gateway.Mock.Books.Received.ShouldBe(0);
    }

    [Fact]
    public async Task A_strict_budget_is_not_exceeded_whatever_the_input_is_written_to()
    {
        // All input is written to the dearer cache and all output is spoken: the worst that the hold was made for.
        var body = Message(""","max_tokens":20,"cache_control":{"type":"ephemeral","ttl":"1h"}""");
        var bytes = Encoding.UTF8.GetByteCount(body);
        _gateway.Mock.Default = new MockBehavior { PromptTokens = bytes + 256, LongCacheWriteTokens = bytes + 256, CompletionTokens = 1_000 };
        var worst = ((bytes + 256) * 2 * InputNano) + (20 * OutputNano);
        var key = await _gateway.Server.CreateKeyAsync(new NewKey { Budget = new NewKeyBudget(Usd(worst)) });
        using var fits = await SendToAsync(Path, _gateway.Server.Client(key.Key), body);
        fits.StatusCode.ShouldBe(HttpStatusCode.OK);
        _gateway.Mock.Books.TotalNanoUsd.ShouldBe(worst);
        var tighter = await _gateway.Server.CreateKeyAsync(new NewKey { Budget = new NewKeyBudget(Usd(worst - 1)) });
        using var refused = await SendToAsync(Path, _gateway.Server.Client(tighter.Key), body);
        ((int)refused.StatusCode).ShouldBe(402);
    }

    [Theory]
    [InlineData(""","tools":[{"type":"web_search_20250305","name":"web_search"}]""")]
    [InlineData(""","mcp_servers":[{"type":"url","url":"https://x.example","name":"x"}]""")]
    [InlineData(""","container":"c" """)]
    [InlineData(""","speed":"fast" """)]
    [InlineData(""","inference_geo":"us" """)]
    [InlineData(""","context_management":{"edits":[{"type":"compact_20260112"}]}""")]
    public async Task What_costs_beyond_the_cap_is_refused_under_a_strict_budget(string more)
    {
        var key = await _gateway.Server.CreateKeyAsync(new NewKey { Budget = new NewKeyBudget("1.00") });
        using var answer = await SendToAsync(Path, _gateway.Server.Client(key.Key), Message(""","max_tokens":20""" + more));
        answer.StatusCode.ShouldBe(HttpStatusCode.BadRequest);
        (await ErrorOf(answer)).GetProperty("code").GetString().ShouldBe("cost_not_boundable");
        using var free = await SendToAsync(Path, await _gateway.KeyAsync(), Message(""","max_tokens":20""" + more));
        free.StatusCode.ShouldBe(HttpStatusCode.OK);
    }

    [Fact]
    [Trait("Trap", "31")]
    public async Task A_cap_is_not_clamped_below_the_thinking_budget()
    {
        const string More = ""","max_tokens":4000,"thinking":{"type":"enabled","budget_tokens":1024}""";
        var bytes = Encoding.UTF8.GetByteCount(Message(More));
        foreach (var (cap, status) in new[] { (1_024, 402), (1_025, 200) })
        {
            var key = await _gateway.Server.CreateKeyAsync(new NewKey());
            var least = ((((bytes + 256) * 1_875L) + 9) / 10) + (cap * OutputNano);
            await _gateway.Server.CreateBudgetAsync($"key:{key.Id}", Usd(least), clampOutput: true);
            using var answer = await SendToAsync(Path, _gateway.Server.Client(key.Key), Message(More));
            ((int)answer.StatusCode).ShouldBe(status);
        }

        _gateway.Mock.Books.Bills.Single().Cap.ShouldBe(1_025);
    }

    [Fact]
    public async Task Counting_tokens_costs_nothing_and_no_budget_blocks_it()
    {
        _gateway.Mock.Default = new MockBehavior { PromptTokens = 42 };
        var key = await _gateway.Server.CreateKeyAsync(new NewKey { Budget = new NewKeyBudget("0.000000001") });
        using var answer = await SendToAsync(Path + "/count_tokens", _gateway.Server.Client(key.Key), Message());
        answer.StatusCode.ShouldBe(HttpStatusCode.OK);
        (await answer.Content.ReadAsStringAsync()).ShouldBe("""{"input_tokens":42}""");
        Encoding.UTF8.GetString(_gateway.Mock.Books.Records[^1].Body).ShouldBe(Message(model: "mock-claude"));
        var attempt = (await _gateway.AttemptsAsync(RequestIdOf(answer)))[0];
        attempt.GetProperty("cost_usd").GetString().ShouldBe(Usd(0));
        attempt.GetProperty("endpoint").GetString().ShouldBe(Path + "/count_tokens");
    }

    [Fact]
    [Trait("Trap", "32")]
    public async Task An_error_of_the_provider_reaches_the_client_as_it_was_said()
    {
        const string Said = """{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"},"request_id":"req_x","more":1.0}""";
        _gateway.Mock.Next(MockBehavior.Fails(529, Said), MockBehavior.Fails(401));
        using var overloaded = await SendToAsync(Path, await _gateway.KeyAsync(), Message());
        ((int)overloaded.StatusCode).ShouldBe(529);
        (await overloaded.Content.ReadAsStringAsync()).ShouldBe(Said);
        using var rejected = await SendToAsync(Path, await _gateway.KeyAsync(), Message());
        rejected.StatusCode.ShouldBe(HttpStatusCode.BadGateway);
        var error = await ErrorOf(rejected);
        error.GetProperty("type").GetString().ShouldBe("api_error");
        error.GetProperty("code").GetString().ShouldBe("provider_credentials_rejected");
    }

    [Fact]
    public async Task A_stream_that_breaks_off_ends_by_an_error_event_of_the_dialect()
    {
        _gateway.Mock.Default = new MockBehavior { CutAfterChunks = 3 };
        using var answer = await SendToAsync(Path, await _gateway.KeyAsync(), Message(""","stream":true"""));
        var text = await answer.Content.ReadAsStringAsync();
        text.ShouldContain("event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"api_error\"");
        text.ShouldEndWith($"\"request_id\":\"{RequestIdOf(answer)}\"}}\n\n");
        (await _gateway.AttemptsAsync(RequestIdOf(answer)))[0].GetProperty("outcome").GetString().ShouldBe("upstream_error");
    }

    [Theory]
    [InlineData("event: message_start\r\ndata: {\"type\":\"message_start\",\"message\":{\"usage\":{\"input_tokens\":5,\"output_tokens\":1}}}\r\n\r\n", "\r\n")]
    [InlineData("\uFEFF: hello\nevent: message_start\ndata: {\"type\":\"message_start\",\ndata: \"message\":{\"usage\":{\"input_tokens\":5,\"output_tokens\":1}}}\n\n", "\n")]
    public async Task An_odd_but_legal_stream_differs_in_no_byte(string start, string line)
    {
        var stream = start + string.Concat(
            "event: ping\ndata: {\"type\": \"ping\"}\n\n",
            "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\"Dobrý 🐎 \\\"usage\\\":{\"}}\n\n",
            "event: something_new\ndata: {\"type\":\"something_new\",\"n\":9007199254740993,\"f\":1.0}\n\n",
            ": comment\n\n",
            "event: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\"},\"usage\":{\"output_tokens\":3}}\n\n",
            "event: ping\ndata: {\"type\":\"ping\"}\n\n",
            "event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n").Replace("\n", line);
        _gateway.Raw.Answer = RawProvider.Stream(stream, "anthropic-organization-id: org-of-the-owner\r\nrequest-id: req_theirs\r\nset-cookie: a=b");
        using var answer = await SendToAsync(Path, await _gateway.KeyAsync(), Message(""","stream":true""", RawClaude));
        Encoding.UTF8.GetString(await answer.Content.ReadAsByteArrayAsync()).ShouldBe(stream);
        answer.Headers.ToString().ShouldNotContain("org-of-the-owner");
        answer.Headers.ToString().ShouldNotContain("req_theirs");
        answer.Headers.Contains("Set-Cookie").ShouldBeFalse();
        var attempt = (await _gateway.AttemptsAsync(RequestIdOf(answer)))[0];
        attempt.GetProperty("cost_usd").GetString().ShouldBe(Usd((5 * InputNano) + (3 * OutputNano)));
    }

    [Fact]
    public async Task The_sandbox_speaks_the_dialect()
    {
        var client = _gateway.Server.Client(_gateway.Server.Installation.ApiKeys.Test);
        using var whole = await SendToAsync(Path, client, Message(""","max_tokens":20""", "any-claude", "Hello."));
        whole.StatusCode.ShouldBe(HttpStatusCode.OK);
        whole.Headers.GetValues("X-Crew-Sandbox").Single().ShouldBe("true");
        JsonNode.Parse(await whole.Content.ReadAsStringAsync())!["content"]![0]!["text"]!.GetValue<string>().ShouldBe("Hello.");
        using var stream = await SendToAsync(Path, client, Message(
            ""","max_tokens":50,"stream":true,"tools":[{"name":"f","input_schema":{"type":"object"}}]""", "crew-sandbox-script", """[[tokens=2 tool=f{\"a\":1}]]"""));
        var text = await stream.Content.ReadAsStringAsync();
        text.ShouldContain("\"type\":\"tool_use\"");
        text.ShouldContain("\"stop_reason\":\"tool_use\"");
        (await _gateway.AttemptsAsync(RequestIdOf(stream)))[0].GetProperty("provenance").GetString().ShouldBe("exact");
        using var count = await SendToAsync(Path + "/count_tokens", client, Message(model: "crew-sandbox-echo", text: "Hello."));
        (await count.Content.ReadAsStringAsync()).ShouldBe("""{"input_tokens":2}""");
    }

    [Fact]
    public async Task A_model_whose_provider_has_no_such_endpoint_is_refused_with_the_reason()
    {
        using var answer = await SendToAsync(Path + "/count_tokens", await _gateway.KeyAsync(), Message(model: Model));
        answer.StatusCode.ShouldBe(HttpStatusCode.BadRequest);
        (await ErrorOf(answer)).GetProperty("code").GetString().ShouldBe("unsupported_endpoint");
    }
}
