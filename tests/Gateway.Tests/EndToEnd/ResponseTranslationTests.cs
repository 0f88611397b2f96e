using System.Net;
using System.Text;
using System.Text.Json.Nodes;
using Crew.Testing;
using Shouldly;
using Xunit;
using static Crew.Gateway.Tests.EndToEnd.GatewayServer;

namespace Crew.Gateway.Tests.EndToEnd;

/// <summary>Clients of responses before models that have none, and clients of the other endpoints before models that have nothing else.</summary>
[Collection(GatewayServerGroup.Name)]
public sealed class ResponseTranslationTests : IDisposable
{
    private const string Responses = "/v1/responses";
    private static readonly IReadOnlyList<MockToolCall> Calls = [new("f", """{"a":1.0}"""), new("g", """{"b":"ž"}""")];

    private readonly GatewayServer _gateway;

    public ResponseTranslationTests(GatewayServer gateway)
    {
        _gateway = gateway;
        _gateway.Mock.Reset();
    }

    public void Dispose() => _gateway.Mock.Reset();

    [Theory]
    [InlineData(ChatOnly, "/v1/chat/completions")]
    [InlineData(Claude, "/v1/messages")]
    public async Task A_response_of_a_model_without_responses(string model, string path)
    {
        _gateway.Mock.Default = new MockBehavior { Text = "Dobrý den.", Thinking = "Hm.", PromptTokens = 100, CachedTokens = 40, CompletionTokens = 5, ToolCalls = Calls };
        using var answer = await SendToAsync(Responses, await _gateway.KeyAsync(), Request(model,
            ""","instructions":"Be.","max_output_tokens":30,"tools":[{"type":"function","name":"f","parameters":{"type":"object"}}],"prompt_cache_key":"k" """));
        answer.StatusCode.ShouldBe(HttpStatusCode.OK);
        answer.Headers.GetValues("X-Crew-Not-Carried").Single().ShouldBe("prompt_cache_key");
        _gateway.Mock.Books.Records[^1].Path.ShouldBe(path);
        var response = JsonNode.Parse(await answer.Content.ReadAsStringAsync())!;
        response["object"]!.GetValue<string>().ShouldBe("response");
        response["status"]!.GetValue<string>().ShouldBe("completed");
        var output = response["output"]!.AsArray();
        output.Where(item => item!["type"]!.GetValue<string>() == "message").Select(item => item!["content"]![0]!["text"]!.GetValue<string>()).ShouldBe(
            model == Claude ? ["Dobrý den."] : [.. output.Where(item => item!["type"]!.GetValue<string>() == "message").Select(_ => "Dobrý den.")]);
        output.Where(item => item!["type"]!.GetValue<string>() == "function_call").Select(item => item!["arguments"]!.GetValue<string>())
            .ShouldBe(Calls.Select(call => call.Arguments));
        response["usage"]!["input_tokens"]!.GetValue<int>().ShouldBe(100);
        response["usage"]!["input_tokens_details"]!["cached_tokens"]!.GetValue<int>().ShouldBe(40);
        response["usage"]!["output_tokens"]!.GetValue<int>().ShouldBe(5);
        await ShouldBeBilledAsync(answer);

        // What was said goes back as it came.
        var input = new JsonArray(new JsonObject { ["role"] = "user", ["content"] = "Go on." });
        output.ToList().ForEach(item => input.Add(item!.DeepClone()));
        foreach (var call in output.Where(item => item!["type"]!.GetValue<string>() == "function_call"))
        {
            input.Add(new JsonObject { ["type"] = "function_call_output", ["call_id"] = call!["call_id"]!.GetValue<string>(), ["output"] = "7" });
        }

        using var next = await SendToAsync(Responses, await _gateway.KeyAsync(), new JsonObject { ["model"] = model, ["input"] = input, ["max_output_tokens"] = 9 }.ToJsonString());
        next.StatusCode.ShouldBe(HttpStatusCode.OK, await next.Content.ReadAsStringAsync());
        var carried = Encoding.UTF8.GetString(_gateway.Mock.Books.Records[^1].Body);
        foreach (var call in Calls)
        {
            carried.ShouldContain(call.Name);
        }
    }

    [Theory]
    [InlineData(ChatOnly)]
    [InlineData(Claude)]
    public async Task A_stream_of_a_model_without_responses_has_their_events(string model)
    {
        _gateway.Mock.Default = new MockBehavior { ToolCalls = Calls, Thinking = "Hm.", PromptTokens = 50, CompletionTokens = 7, Chunks = 3 };
        using var answer = await SendToAsync(Responses, await _gateway.KeyAsync(), Request(model, ""","max_output_tokens":30,"stream":true"""));
        answer.Content.Headers.ContentType!.MediaType.ShouldBe("text/event-stream");
        var events = Events(await answer.Content.ReadAsStringAsync());
        events.Select(one => one["sequence_number"]!.GetValue<int>()).ShouldBe(Enumerable.Range(0, events.Count));
        events.Take(2).Select(TypeOf).ShouldBe(["response.created", "response.in_progress"]);
        TypeOf(events[^1]).ShouldBe("response.completed");
        var added = events.Where(one => TypeOf(one) == "response.output_item.added").ToList();
        var done = events.Where(one => TypeOf(one) == "response.output_item.done").ToList();
        added.Select(one => one["item"]!["id"]!.GetValue<string>()).Order().ShouldBe(done.Select(one => one["item"]!["id"]!.GetValue<string>()).Order());
        events[^1]["response"]!["output"]!.AsArray().Select(item => item!.ToJsonString()).Order()
            .ShouldBe(done.Select(one => one["item"]!.ToJsonString()).Order(), "the last event repeats every item");
        foreach (var call in added.Where(one => one["item"]!["type"]!.GetValue<string>() == "function_call"))
        {
            var index = call["output_index"]!.GetValue<int>();
            string.Concat(events.Where(one => TypeOf(one) == "response.function_call_arguments.delta" && one["output_index"]!.GetValue<int>() == index)
                .Select(one => one["delta"]!.GetValue<string>())).ShouldBe(Calls.Single(c => c.Name == call["item"]!["name"]!.GetValue<string>()).Arguments);
        }

        events[^1]["response"]!["usage"]!["output_tokens"]!.GetValue<int>().ShouldBe(7);
        await ShouldBeBilledAsync(answer);
    }

    [Fact]
    public async Task A_chat_and_a_message_reach_a_model_that_has_responses_only()
    {
        _gateway.Mock.Default = new MockBehavior { PromptTokens = 100, CachedTokens = 40, CompletionTokens = 50, ToolCalls = Calls };
        using var chat = await SendAsync(await _gateway.KeyAsync(), Body(""","max_tokens":30""", ResponsesOnly));
        chat.StatusCode.ShouldBe(HttpStatusCode.OK);
        Encoding.UTF8.GetString(_gateway.Mock.Books.Records[^1].Body).ShouldBe("""
            {"model":"mock-mini","input":[{"type":"message","role":"user","content":[{"type":"input_text","text":"Say something short."}]}],"max_output_tokens":30,"store":false}
            """);
        var completion = JsonNode.Parse(await chat.Content.ReadAsStringAsync())!;
        completion["choices"]![0]!["message"]!["tool_calls"]!.AsArray().Select(call => call!["function"]!["arguments"]!.GetValue<string>())
            .ShouldBe(Calls.Select(call => call.Arguments));
        completion["choices"]![0]!["finish_reason"]!.GetValue<string>().ShouldBe("tool_calls");
        await ShouldBeBilledAsync(chat);

        _gateway.Mock.Reset();
        _gateway.Mock.Default = new MockBehavior { PromptTokens = 100, CachedTokens = 40, CompletionTokens = 50, ToolCalls = Calls };
        using var message = await SendToAsync("/v1/messages", await _gateway.KeyAsync(), Message(""","max_tokens":30,"stream":true""", ResponsesOnly));
        var text = await message.Content.ReadAsStringAsync();
        var types = text.Split("\n\n", StringSplitOptions.RemoveEmptyEntries).Select(frame => frame.Split('\n')[0]["event: ".Length..]).Where(name => name != "content_block_delta");
        types.ShouldBe(["message_start", "content_block_start", "content_block_stop", "content_block_start", "content_block_stop", "message_delta", "message_stop"]);
        text.ShouldContain("\"stop_reason\":\"tool_use\"");
        await ShouldBeBilledAsync(message);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_chat_stream_of_responses_has_its_own_form(bool wantsUsage)
    {
        _gateway.Mock.Default = new MockBehavior { Text = "one two", PromptTokens = 50, CompletionTokens = 7, Chunks = 3 };
        using var answer = await SendAsync(await _gateway.KeyAsync(), Body(wantsUsage
            ? ""","stream":true,"stream_options":{"include_usage":true}"""
            : ""","stream":true""", ResponsesOnly));
        var chunks = (await answer.Content.ReadAsStringAsync()).Split("\n\n", StringSplitOptions.RemoveEmptyEntries).Select(frame => frame["data: ".Length..]).ToList();
        chunks[^1].ShouldBe("[DONE]");
        var parsed = chunks[..^1].Select(chunk => JsonNode.Parse(chunk)!).ToList();
        string.Concat(parsed.Where(chunk => chunk["choices"]!.AsArray().Count > 0).Select(chunk => chunk["choices"]![0]!["delta"]!["content"]?.GetValue<string>())).ShouldBe("one two");
        parsed.Count(chunk => chunk["choices"]!.AsArray().Count == 0).ShouldBe(wantsUsage ? 1 : 0);
        await ShouldBeBilledAsync(answer);
    }

    [Theory]
    [InlineData(ChatOnly)]
    [InlineData(Claude)]
    public async Task A_response_that_breaks_off_ends_as_failed(string model)
    {
        _gateway.Mock.Default = new MockBehavior { CutAfterChunks = 2 };
        using var answer = await SendToAsync(Responses, await _gateway.KeyAsync(), Request(model, ""","max_output_tokens":9,"stream":true"""));
        var events = Events(await answer.Content.ReadAsStringAsync());
        events.TakeLast(2).Select(TypeOf).ShouldBe(["response.failed", "error"]);
        (await _gateway.AttemptsAsync(RequestIdOf(answer)))[0].GetProperty("outcome").GetString().ShouldBe("upstream_error");
    }

    [Fact]
    public async Task What_a_response_cannot_bring_is_refused_before_anything_is_sent()
    {
        using var answer = await SendToAsync(Responses, await _gateway.KeyAsync(), Request(ChatOnly, ""","truncation":"auto" """));
        answer.StatusCode.ShouldBe(HttpStatusCode.BadRequest);
        (await ErrorOf(answer)).GetProperty("param").GetString().ShouldBe("truncation");
        _gateway.Mock.Books.Received.ShouldBe(0);
    }

    [Fact]
    public async Task Endpoints_of_a_provider_are_named_and_changed()
    {
        var wrong = await Should.ThrowAsync<CrewApiException>(_gateway.Server.PostAsync("/v1/gateway/providers", new Dictionary<string, object?>
        {
            ["name"] = "x", ["kind"] = "anthropic", ["base_url"] = "https://api.anthropic.com", ["endpoints"] = new[] { "chat/completions" },
        }));
        wrong.Status.ShouldBe(400);
        wrong.Message.ShouldContain("messages/count_tokens");
        var made = await _gateway.Server.PostAsync("/v1/gateway/providers", new Dictionary<string, object?> { ["name"] = "x", ["kind"] = "sandbox" });
        var path = $"/v1/gateway/providers/{made.GetProperty("id").GetString()}";
        (await PatchAsync(path, """{"endpoints":["messages"]}"""))["endpoints"]!.AsArray().Single()!.GetValue<string>().ShouldBe("messages");
        (await PatchAsync(path, """{"endpoints":null}"""))["endpoints"].ShouldBeNull();
    }

    private async Task<JsonNode> PatchAsync(string path, string json)
    {
        using var content = new StringContent(json, Encoding.UTF8, "application/json");
        using var answer = await _gateway.Server.Master.PatchAsync(new Uri(path, UriKind.Relative), content);
        answer.StatusCode.ShouldBe(HttpStatusCode.OK);
        return JsonNode.Parse(await answer.Content.ReadAsStringAsync())!["data"]!;
    }

    private static string Request(string model, string more = "") => $$"""{"model":"{{model}}","input":"Say something short."{{more}}}""";

    private static string TypeOf(JsonNode one) => one["type"]!.GetValue<string>();

    private static List<JsonNode> Events(string stream) =>
        [.. stream.Split("\n\n", StringSplitOptions.RemoveEmptyEntries).Where(frame => frame[0] != ':').Select(frame => frame.Split('\n')).Select(lines =>
        {
            var data = JsonNode.Parse(lines[1]["data: ".Length..])!;
            lines[0].ShouldBe($"event: {data["type"]!.GetValue<string>()}");
            return data;
        })];

    private async Task ShouldBeBilledAsync(HttpResponseMessage answer)
    {
        var attempt = (await _gateway.AttemptsAsync(RequestIdOf(answer)))[0];
        attempt.GetProperty("provenance").GetString().ShouldBe("exact");
        attempt.GetProperty("cost_usd").GetString().ShouldBe(Usd(_gateway.Mock.Books.Bills[0].NanoUsd));
    }
}
