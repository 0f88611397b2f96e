using System.Net;
using System.Text;
using System.Text.Json.Nodes;
using Crew.Testing;
using Shouldly;
using Xunit;
using static Crew.Gateway.Tests.EndToEnd.GatewayServer;

namespace Crew.Gateway.Tests.EndToEnd;

/// <summary>Clients of <c>/v1/responses</c> before a provider that has that endpoint.</summary>
[Collection(GatewayServerGroup.Name)]
public sealed class ResponseTests : IDisposable
{
    private const string Path = "/v1/responses";

    private readonly GatewayServer _gateway;

    public ResponseTests(GatewayServer gateway)
    {
        _gateway = gateway;
        _gateway.Mock.Reset();
    }

    public void Dispose() => _gateway.Mock.Reset();

    private static string Ask(string more = "", string model = Model) => $$"""{"model":"{{model}}","input":"Say something short."{{more}}}""";

    [Theory]
    [InlineData("", "\"store\":false,")]
    [InlineData(""","store":true""", "")]
    [InlineData(""","store":null""", "")]
    [InlineData(""","store":false""", "")]
    [Trait("Trap", "26")]
    public async Task Nothing_is_stored_and_the_answer_is_metered_to_the_nano(string store, string added)
    {
        _gateway.Mock.Default = new MockBehavior { PromptTokens = 100, CachedTokens = 40, CompletionTokens = 9, ReasoningTokens = 4 };
        var body = Ask(""","max_output_tokens":50""" + store);
        using var answer = await SendToAsync(Path, await _gateway.KeyAsync(), body);
        answer.StatusCode.ShouldBe(HttpStatusCode.OK);
        answer.Headers.Contains("openai-processing-ms").ShouldBeTrue();
        Encoding.UTF8.GetString(_gateway.Mock.Books.Records[^1].Body).ShouldBe(body.Replace($"\"{Model}\"", "\"mock-mini\"")
            .Replace("\"store\":true", "\"store\":false").Replace("\"store\":null", "\"store\":false").Insert(1, added));
        var attempt = (await _gateway.AttemptsAsync(RequestIdOf(answer)))[0];
        attempt.GetProperty("cost_usd").GetString().ShouldBe(Usd(_gateway.Mock.Books.Bills.Single().NanoUsd));
        attempt.GetProperty("provenance").GetString().ShouldBe("exact");
        attempt.GetProperty("tokens").GetProperty("reasoning").GetInt64().ShouldBe(4);
        attempt.GetProperty("endpoint").GetString().ShouldBe(Path);
    }

    [Theory]
    [InlineData("\"previous_response_id\":\"resp_1\"", "previous_response_id")]
    [InlineData("\"conversation\":\"conv_1\"", "conversation")]
    [InlineData("\"background\":true", "background")]
    public async Task What_needs_stored_responses_is_refused_and_named(string field, string name)
    {
        using var answer = await SendToAsync(Path, await _gateway.KeyAsync(), Ask("," + field));
        answer.StatusCode.ShouldBe(HttpStatusCode.BadRequest);
        (await ErrorOf(answer)).GetProperty("param").GetString().ShouldBe(name);
        using var item = await SendToAsync(Path, await _gateway.KeyAsync(), $$"""{"model":"{{Model}}","input":[{"type":"item_reference","id":"x"}]}""");
        item.StatusCode.ShouldBe(HttpStatusCode.BadRequest);
        _gateway.Mock.Books.Received.ShouldBe(0);
    }

    [Theory]
    [InlineData(100, "response.completed", "success")]
    [InlineData(3, "response.incomplete", "success")]
    public async Task A_stream_ends_by_its_terminal_event_after_it_is_settled(int cap, string terminal, string outcome)
    {
        _gateway.Mock.Default = new MockBehavior { PromptTokens = 50, CompletionTokens = 7 };
        using var answer = await SendToAsync(Path, await _gateway.KeyAsync(), Ask($$""","stream":true,"max_output_tokens":{{cap}}"""));
        answer.Content.Headers.ContentType!.ToString().ShouldBe("text/event-stream; charset=utf-8");
        var text = await answer.Content.ReadAsStringAsync();
        text.ShouldStartWith("event: response.created\n");
        text.ShouldContain($"event: {terminal}\n");
        var attempt = (await _gateway.AttemptsAsync(RequestIdOf(answer)))[0];
        attempt.GetProperty("cost_usd").GetString().ShouldBe(Usd(_gateway.Mock.Books.Bills.Single().NanoUsd));
        attempt.GetProperty("outcome").GetString().ShouldBe(outcome);
    }

    [Fact]
    public async Task A_terminal_event_as_long_as_its_answer_is_still_read()
    {
        var text = new string('x', 2_000_000);
        var stream = string.Concat(
            "event: response.created\ndata: {\"type\":\"response.created\",\"response\":{\"id\":\"resp_1\",\"created_at\":1,\"model\":\"m\",\"usage\":null}}\n\n",
            "event: response.completed\ndata: {\"type\":\"response.completed\",\"response\":{\"status\":\"completed\",\"output\":[{\"text\":\"", text, "\"}],",
            "\"usage\":{\"input_tokens\":5,\"output_tokens\":2,\"total_tokens\":7}}}\n\n");
        _gateway.Raw.Answer = RawProvider.Stream(stream);
        using var answer = await SendToAsync(Path, await _gateway.KeyAsync(), Ask(""","stream":true""", RawModel));
        (await answer.Content.ReadAsStringAsync()).ShouldBe(stream);
        var attempt = (await _gateway.AttemptsAsync(RequestIdOf(answer)))[0];
        attempt.GetProperty("provenance").GetString().ShouldBe("exact");
        attempt.GetProperty("cost_usd").GetString().ShouldBe(Usd((5 * InputNano) + (2 * OutputNano)));
    }

    [Fact]
    public async Task A_stream_that_breaks_off_fails_for_agents_and_for_sdks()
    {
        _gateway.Mock.Default = new MockBehavior { CutAfterChunks = 3 };
        using var answer = await SendToAsync(Path, await _gateway.KeyAsync(), Ask(""","stream":true"""));
        var text = await answer.Content.ReadAsStringAsync();
        var failed = JsonNode.Parse(text[(text.IndexOf("event: response.failed\ndata: ", StringComparison.Ordinal) + 29)..].Split('\n')[0])!;
        failed["response"]!["id"]!.GetValue<string>().ShouldBe("resp_mock");
        failed["response"]!["error"]!["code"]!.GetValue<string>().ShouldBe("provider_unavailable");
        var error = JsonNode.Parse(text[(text.IndexOf("event: error\ndata: ", StringComparison.Ordinal) + 19)..].Split('\n')[0])!;
        error["error"]!["code"]!.GetValue<string>().ShouldBe("provider_unavailable");
        error["sequence_number"]!.GetValue<int>().ShouldBe(failed["sequence_number"]!.GetValue<int>() + 1);
    }

    [Theory]
    [InlineData(""","tools":[{"type":"web_search"}]""")]
    [InlineData(""","tools":[{"type":"mcp","server_label":"x"}]""")]
    [InlineData(""","prompt":{"id":"pmpt_1"}""")]
    [InlineData(""","service_tier":"priority" """)]
    public async Task What_costs_beyond_the_cap_is_refused_under_a_strict_budget(string more)
    {
        var key = await _gateway.Server.CreateKeyAsync(new NewKey { Budget = new NewKeyBudget("1.00") });
        using var answer = await SendToAsync(Path, _gateway.Server.Client(key.Key), Ask(more));
        (await ErrorOf(answer)).GetProperty("code").GetString().ShouldBe("cost_not_boundable");
        using var image = await SendToAsync(Path, _gateway.Server.Client(key.Key),
            $$"""{"model":"{{Model}}","input":[{"role":"user","content":[{"type":"input_image","image_url":"https://x"}]}]}""");
        (await ErrorOf(image)).GetProperty("code").GetString().ShouldBe("cost_not_boundable");
        using var text = await SendToAsync(Path, _gateway.Server.Client(key.Key),
            $$"""
            {"model":"{{Model}}","max_output_tokens":16,"input":[{"type":"message","role":"user","content":[{"type":"input_text","text":"a"}]},
            {"type":"function_call_output","call_id":"c","output":"1"}]}
            """);
        text.StatusCode.ShouldBe(HttpStatusCode.OK);
    }

    [Fact]
    public async Task The_sandbox_speaks_it()
    {
        var client = _gateway.Server.Client(_gateway.Server.Installation.ApiKeys.Test);
        using var whole = await SendToAsync(Path, client, Ask());
        JsonNode.Parse(await whole.Content.ReadAsStringAsync())!["output"]![0]!["content"]![0]!["text"]!.GetValue<string>().ShouldBe("Say something short.");
        using var stream = await SendToAsync(Path, client,
            """{"model":"crew-sandbox-script","stream":true,"input":"[[tokens=2 tool=f{\"a\":1}]]","tools":[{"type":"function","name":"f","parameters":{"type":"object"}}]}""");
        var text = await stream.Content.ReadAsStringAsync();
        text.ShouldContain("event: response.function_call_arguments.done");
        text.ShouldContain("event: response.completed");
        (await _gateway.AttemptsAsync(RequestIdOf(stream)))[0].GetProperty("provenance").GetString().ShouldBe("exact");
    }
}
