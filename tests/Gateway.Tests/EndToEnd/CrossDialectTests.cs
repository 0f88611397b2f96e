using System.Net;
using System.Text;
using System.Text.Json.Nodes;
using Crew.Testing;
using Shouldly;
using Xunit;
using static Crew.Gateway.Tests.EndToEnd.GatewayServer;

namespace Crew.Gateway.Tests.EndToEnd;

/// <summary>Clients of one dialect before models of another.</summary>
[Collection(GatewayServerGroup.Name)]
public sealed class CrossDialectTests : IDisposable
{
    private const string Messages = "/v1/messages";
    private static readonly IReadOnlyList<MockToolCall> Calls = [new("f", """{"a":1.0}"""), new("g", """{"b":"ž"}""")];

    private readonly GatewayServer _gateway;

    public CrossDialectTests(GatewayServer gateway)
    {
        _gateway = gateway;
        _gateway.Mock.Reset();
    }

    public void Dispose() => _gateway.Mock.Reset();

    [Fact]
    public async Task A_chat_reaches_a_model_of_the_other_dialect_and_is_metered_to_the_nano()
    {
        _gateway.Mock.Default = new MockBehavior
        {
            Text = "Dobrý den.", Thinking = "Hm.", PromptTokens = 100, CachedTokens = 40, CacheWriteTokens = 10, CompletionTokens = 5, ToolCalls = Calls,
        };
        using var answer = await SendAsync(await _gateway.KeyAsync(), Body(
            ""","temperature":0.50,"tools":[{"type":"function","function":{"name":"f","parameters":{"type":"object"}}}],"prompt_cache_key":"k" """, Claude));
        answer.StatusCode.ShouldBe(HttpStatusCode.OK);
        answer.Headers.GetValues("X-Crew-Not-Carried").Single().ShouldBe("prompt_cache_key");
        var arrived = Encoding.UTF8.GetString(_gateway.Mock.Books.Records[^1].Body);
        arrived.ShouldStartWith("""{"model":"mock-claude","max_tokens":4096,"messages":[{"role":"user","content":[{"type":"text","text":"Say something short."}]}]""");
        arrived.ShouldContain("\"temperature\":0.50");
        var message = JsonNode.Parse(await answer.Content.ReadAsStringAsync())!;
        var said = message["choices"]![0]!["message"]!;
        said["content"]!.GetValue<string>().ShouldBe("Dobrý den.");
        said["reasoning_content"]!.GetValue<string>().ShouldBe("Hm.");
        said["reasoning_details"]![0]!["signature"]!.GetValue<string>().ShouldNotBeEmpty();
        said["tool_calls"]!.AsArray().Select(call => call!["function"]!["arguments"]!.GetValue<string>()).ShouldBe(Calls.Select(call => call.Arguments));
        message["choices"]![0]!["finish_reason"]!.GetValue<string>().ShouldBe("tool_calls");
        message["usage"]!["prompt_tokens"]!.GetValue<int>().ShouldBe(100);
        message["usage"]!["prompt_tokens_details"]!["cached_tokens"]!.GetValue<int>().ShouldBe(40);
        await ShouldBeBilledAsync(answer);

        // What was said goes back as it came, signature included.
        said.AsObject().Remove("refusal");
        var again = Body(model: Claude).Replace("}]}", "}," + said.ToJsonString() + ",{\"role\":\"tool\",\"tool_call_id\":\"toolu_mock_0\",\"content\":\"7\"}]}");
        using var next = await SendAsync(await _gateway.KeyAsync(), again);
        next.StatusCode.ShouldBe(HttpStatusCode.OK);
        var carried = JsonNode.Parse(_gateway.Mock.Books.Records[^1].Body)!["messages"]!;
        carried[1]!["content"]![0]!["signature"]!.GetValue<string>().ShouldBe(said["reasoning_details"]![0]!["signature"]!.GetValue<string>());
        carried[1]!["content"]!.AsArray().Select(block => block!["type"]!.GetValue<string>()).ShouldBe(["thinking", "text", "tool_use", "tool_use"]);
        carried[2]!["content"]![0]!["type"]!.GetValue<string>().ShouldBe("tool_result");
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_chat_stream_of_the_other_dialect_has_its_own_form(bool wantsUsage)
    {
        _gateway.Mock.Default = new MockBehavior { Text = "one two", Thinking = "Hm.", ToolCalls = Calls, PromptTokens = 50, CompletionTokens = 7, Chunks = 3 };
        using var answer = await SendAsync(await _gateway.KeyAsync(), Body(wantsUsage
            ? ""","stream":true,"stream_options":{"include_usage":true}"""
            : ""","stream":true""", Claude));
        answer.Content.Headers.ContentType!.MediaType.ShouldBe("text/event-stream");
        var chunks = Chunks(await answer.Content.ReadAsStringAsync());
        chunks[^1].ShouldBe("[DONE]");
        var parsed = chunks[..^1].Select(chunk => JsonNode.Parse(chunk)!).ToList();
        parsed[0]["choices"]![0]!["delta"]!["role"]!.GetValue<string>().ShouldBe("assistant");
        parsed.Select(chunk => chunk["id"]!.GetValue<string>()).Distinct().Count().ShouldBe(1);
        string.Concat(Deltas(parsed).Select(delta => delta["content"]?.GetValue<string>())).ShouldBe("one two");
        var calls = Deltas(parsed).SelectMany(delta => delta["tool_calls"]?.AsArray() ?? []).ToList();
        calls.Where(call => call!["id"] is not null).Select(call => call!["function"]!["name"]!.GetValue<string>()).ShouldBe(["f", "g"]);
        foreach (var index in new[] { 0, 1 })
        {
            string.Concat(calls.Where(call => call!["index"]!.GetValue<int>() == index).Select(call => call!["function"]!["arguments"]!.GetValue<string>()))
                .ShouldBe(Calls[index].Arguments);
        }

        parsed.Count(chunk => chunk["choices"]!.AsArray().Count == 0).ShouldBe(wantsUsage ? 1 : 0);
        parsed.Last(chunk => chunk["choices"]!.AsArray().Count > 0)["choices"]![0]!["finish_reason"]!.GetValue<string>().ShouldBe("tool_calls");
        await ShouldBeBilledAsync(answer);
    }

    [Fact]
    public async Task A_message_reaches_a_model_of_the_other_dialect()
    {
        _gateway.Mock.Default = new MockBehavior { PromptTokens = 100, CachedTokens = 40, CompletionTokens = 50, ToolCalls = Calls };
        using var answer = await SendToAsync(Messages, await _gateway.KeyAsync(),
            Message(""","max_tokens":30,"system":[{"type":"text","text":"Be.","cache_control":{"type":"ephemeral"}}]""", Model));
        answer.StatusCode.ShouldBe(HttpStatusCode.OK);
        answer.Headers.GetValues("X-Crew-Not-Carried").Single().ShouldBe("cache_control");
        Encoding.UTF8.GetString(_gateway.Mock.Books.Records[^1].Body).ShouldBe(
            """{"model":"mock-mini","messages":[{"role":"system","content":"Be."},{"role":"user","content":"Say something short."}],"max_completion_tokens":30}""");
        var message = JsonNode.Parse(await answer.Content.ReadAsStringAsync())!;
        message["type"]!.GetValue<string>().ShouldBe("message");
        message["content"]!.AsArray().Select(block => block!["input"]!.ToJsonString()).ShouldBe(["""{"a":1.0}""", "{\"b\":\"\\u017E\"}"]);
        message["stop_reason"]!.GetValue<string>().ShouldBe("tool_use");
        message["usage"]!["input_tokens"]!.GetValue<int>().ShouldBe(60);
        message["usage"]!["cache_read_input_tokens"]!.GetValue<int>().ShouldBe(40);
        await ShouldBeBilledAsync(answer);
    }

    [Fact]
    public async Task A_message_stream_of_the_other_dialect_has_its_own_form()
    {
        // The mock's parallel calls take turns; blocks of a message do not.
        _gateway.Mock.Default = new MockBehavior { ToolCalls = Calls, PromptTokens = 50, CompletionTokens = 7 };
        using var answer = await SendToAsync(Messages, await _gateway.KeyAsync(), Message(""","max_tokens":30,"stream":true""", Model));
        var text = await answer.Content.ReadAsStringAsync();
        var events = text.Split("\n\n", StringSplitOptions.RemoveEmptyEntries).Select(frame => frame.Split('\n')).ToList();
        events.ShouldAllBe(lines => lines.Length == 2 && lines[0].StartsWith("event: ", StringComparison.Ordinal));
        events.Select(lines => lines[0]["event: ".Length..]).Where(name => name != "content_block_delta").ShouldBe(
            ["message_start", "content_block_start", "content_block_stop", "content_block_start", "content_block_stop", "message_delta", "message_stop"]);
        var data = events.Select(lines => JsonNode.Parse(lines[1]["data: ".Length..])!).ToList();
        foreach (var index in new[] { 0, 1 })
        {
            string.Concat(data.Where(one => one["type"]!.GetValue<string>() == "content_block_delta" && one["index"]!.GetValue<int>() == index)
                .Select(one => one["delta"]!["partial_json"]!.GetValue<string>())).ShouldBe(Calls[index].Arguments);
        }

        data[^2]["usage"]!["output_tokens"]!.GetValue<int>().ShouldBe(7);
        data[^2]["usage"]!["input_tokens"]!.GetValue<int>().ShouldBe(50);
        await ShouldBeBilledAsync(answer);
    }

    [Fact]
    public async Task Errors_come_in_the_clients_dialect_and_the_providers_words()
    {
        _gateway.Mock.Next(MockBehavior.Fails(529), MockBehavior.Fails(400, """{"error":{"message":"Too long.","type":"x","param":null,"code":"context_length_exceeded"}}"""));
        using var chat = await SendAsync(await _gateway.KeyAsync(), Body(model: Claude));
        ((int)chat.StatusCode).ShouldBe(503);
        (await ErrorOf(chat)).GetProperty("message").GetString().ShouldBe("The mock provider was told to answer 529.");
        using var message = await SendToAsync(Messages, await _gateway.KeyAsync(), Message(""","max_tokens":5""", Model));
        message.StatusCode.ShouldBe(HttpStatusCode.BadRequest);
        var body = JsonNode.Parse(await message.Content.ReadAsStringAsync())!;
        body["type"]!.GetValue<string>().ShouldBe("error");
        body["error"]!["type"]!.GetValue<string>().ShouldBe("invalid_request_error");
        body["error"]!["message"]!.GetValue<string>().ShouldBe("Too long.");
    }

    [Theory]
    [InlineData(Claude)]
    [InlineData(Model)]
    public async Task A_stream_that_breaks_off_ends_by_an_error_of_the_clients_dialect(string model)
    {
        _gateway.Mock.Default = new MockBehavior { CutAfterChunks = 2 };
        var client = await _gateway.KeyAsync();
        using var answer = model == Claude ? await SendAsync(client, Body(""","stream":true""", model))
            : await SendToAsync(Messages, client, Message(""","max_tokens":9,"stream":true""", model));
        var last = (await answer.Content.ReadAsStringAsync()).Split("\n\n", StringSplitOptions.RemoveEmptyEntries)[^1];
        last.ShouldStartWith(model == Claude ? "data: {\"error\":" : "event: error\ndata: {\"type\":\"error\",");
        (await _gateway.AttemptsAsync(RequestIdOf(answer)))[0].GetProperty("outcome").GetString().ShouldBe("upstream_error");
    }

    [Fact]
    public async Task What_cannot_be_carried_is_refused_before_anything_is_sent_or_held()
    {
        using var answer = await SendAsync(await _gateway.KeyAsync(), Body(""","seed":7""", Claude));
        answer.StatusCode.ShouldBe(HttpStatusCode.BadRequest);
        var error = await ErrorOf(answer);
        error.GetProperty("code").GetString().ShouldBe("not_translatable");
        error.GetProperty("param").GetString().ShouldBe("seed");
        _gateway.Mock.Books.Received.ShouldBe(0);
    }

    [Fact]
    public async Task A_strict_budget_holds_across_dialects()
    {
        var body = Body(""","max_tokens":20""", Claude);
        var worst = ((((Encoding.UTF8.GetByteCount(body) + 256) * 1_875L) + 9) / 10) + (20 * OutputNano);
        _gateway.Mock.Default = new MockBehavior { PromptTokens = 10, CompletionTokens = 1_000 };
        var tight = await _gateway.Server.CreateKeyAsync(new NewKey { Budget = new NewKeyBudget(Usd(worst - 1)) });
        using var refused = await SendAsync(_gateway.Server.Client(tight.Key), body);
        ((int)refused.StatusCode).ShouldBe(402);
        var key = await _gateway.Server.CreateKeyAsync(new NewKey { Budget = new NewKeyBudget(Usd(worst)) });
        using var fits = await SendAsync(_gateway.Server.Client(key.Key), body);
        fits.StatusCode.ShouldBe(HttpStatusCode.OK);
        _gateway.Mock.Books.Bills.Single().Cap.ShouldBe(20);
    }

    private static List<string> Chunks(string stream) =>
        [.. stream.Split("\n\n", StringSplitOptions.RemoveEmptyEntries).Where(frame => frame[0] != ':').Select(frame => frame["data: ".Length..])];

    private static IEnumerable<JsonNode> Deltas(IEnumerable<JsonNode> chunks) =>
        chunks.Where(chunk => chunk["choices"]!.AsArray().Count > 0).Select(chunk => chunk["choices"]![0]!["delta"]!);

    private async Task ShouldBeBilledAsync(HttpResponseMessage answer)
    {
        var attempt = (await _gateway.AttemptsAsync(RequestIdOf(answer)))[0];
        attempt.GetProperty("provenance").GetString().ShouldBe("exact");
        attempt.GetProperty("cost_usd").GetString().ShouldBe(Usd(_gateway.Mock.Books.Bills[0].NanoUsd));
    }
}
