using System.Net;
using System.Text;
using System.Text.Json.Nodes;
using Crew.Gateway.Dialects;
using Crew.Gateway.Dialects.OpenAi;
using Crew.Gateway.Forwarding;
using Crew.Gateway.Metering;
using Crew.Gateway.Sandbox;
using FsCheck;
using FsCheck.Fluent;
using Shouldly;
using Xunit;

namespace Crew.Gateway.Tests.Sandbox;

public sealed class SandboxProviderTests
{
    private const string Tools =
        ""","tools":[{"type":"function","function":{"name":"get_weather"}},{"type":"function","function":{"name":"f"}}]""";

    private static async Task<HttpResponseMessage> Send(byte[] body, string path = "chat/completions")
    {
        using var invoker = new HttpMessageInvoker(new SandboxProvider(TimeProvider.System));
        var request = new HttpRequestMessage(HttpMethod.Post, new Uri($"{SandboxProvider.BaseAddress}/{path}"))
        {
            Content = new ByteArrayContent(body),
        };
        return await invoker.SendAsync(request, CancellationToken.None);
    }

    private static Task<HttpResponseMessage> Send(string model, string prompt, string more = "")
    {
        var content = JsonValue.Create(prompt).ToJsonString();
        return Send(Encoding.UTF8.GetBytes(
            $$"""{"model":"{{model}}","messages":[{"role":"system","content":"Be."},{"role":"user","content":{{content}}}]{{more}}}"""));
    }

    private static async Task<JsonNode> Json(Task<HttpResponseMessage> sent, HttpStatusCode status = HttpStatusCode.OK)
    {
        using var response = await sent;
        response.StatusCode.ShouldBe(status);
        response.Content.Headers.ContentType!.MediaType.ShouldBe("application/json");
        return JsonNode.Parse(await response.Content.ReadAsStringAsync())!;
    }

    private static async Task<List<JsonNode>> Chunks(Task<HttpResponseMessage> sent, bool done = true)
    {
        using var response = await sent;
        response.StatusCode.ShouldBe(HttpStatusCode.OK);
        response.Content.Headers.ContentType!.ToString().ShouldBe("text/event-stream; charset=utf-8");
        var frames = (await response.Content.ReadAsStringAsync()).Split("\n\n", StringSplitOptions.RemoveEmptyEntries);
        frames.ShouldAllBe(frame => frame.StartsWith("data: "));
        (frames[^1] == "data: [DONE]").ShouldBe(done);
        return [.. frames.Where(frame => frame != "data: [DONE]").Select(frame => JsonNode.Parse(frame[6..])!)];
    }

    private static string TextOf(IEnumerable<JsonNode> chunks) =>
        string.Concat(chunks.SelectMany(c => c["choices"]!.AsArray()).Select(c => (string?)c!["delta"]!["content"]));

    [Fact]
    public async Task Echo_answers_with_the_last_user_message()
    {
        var answer = await Json(Send(SandboxModels.Echo, "Ahoj 🐎!\n\"x\""));
        ((string?)answer["object"]).ShouldBe("chat.completion");
        ((string?)answer["id"]).ShouldStartWith("chatcmpl-");
        ((string?)answer["model"]).ShouldBe(SandboxModels.Echo);
        var choice = answer["choices"]!.AsArray().ShouldHaveSingleItem()!;
        ((string?)choice["message"]!["role"]).ShouldBe("assistant");
        ((string?)choice["message"]!["content"]).ShouldBe("Ahoj 🐎!\n\"x\"");
        ((string?)choice["finish_reason"]).ShouldBe("stop");
        var usage = answer["usage"]!;
        ((int)usage["total_tokens"]!).ShouldBe((int)usage["prompt_tokens"]! + (int)usage["completion_tokens"]!);
        ((int)usage["completion_tokens"]!).ShouldBe(SandboxTokens.Count("Ahoj 🐎!\n\"x\""));
    }

    [Fact]
    public async Task A_stream_has_role_text_reason_usage_and_done_in_that_order()
    {
        var chunks = await Chunks(Send(SandboxModels.Echo, "one two three", ""","stream":true,"stream_options":{"include_usage":true}"""));
        foreach (var key in new[] { "id", "created", "model", "object" })
        {
            chunks.Select(c => c[key]!.ToJsonString()).Distinct().ShouldHaveSingleItem();
        }

        ((string?)chunks[0]["choices"]![0]!["delta"]!["role"]).ShouldBe("assistant");
        TextOf(chunks).ShouldBe("one two three");
        chunks[..^2].ShouldAllBe(c => c["choices"]![0]!["finish_reason"] == null);
        ((string?)chunks[^2]["choices"]![0]!["finish_reason"]).ShouldBe("stop");
        chunks[..^1].ShouldAllBe(c => c.AsObject().ContainsKey("usage") && c["usage"] == null);
        chunks[^1]["choices"]!.AsArray().ShouldBeEmpty();
        ((int)chunks[^1]["usage"]!["completion_tokens"]!).ShouldBe(4);
    }

    [Fact]
    public async Task Without_include_usage_no_chunk_speaks_of_it() =>
        (await Chunks(Send(SandboxModels.Echo, "one", ""","stream":true"""))).ShouldAllBe(c => !c.AsObject().ContainsKey("usage"));

    [Theory]
    [InlineData("max_tokens")]
    [InlineData("max_completion_tokens")]
    public async Task A_cap_cuts_the_answer_and_says_so(string field)
    {
        var answer = await Json(Send(SandboxModels.Script, "[[tokens=50]]", $",\"{field}\":7"));
        ((string?)answer["choices"]![0]!["finish_reason"]).ShouldBe("length");
        ((int)answer["usage"]!["completion_tokens"]!).ShouldBe(7);
        SandboxTokens.Count((string)answer["choices"]![0]!["message"]!["content"]!).ShouldBe(7);
        var over = await Json(Send(SandboxModels.Script, "[[tokens=50 ignore_cap=1]]", $",\"{field}\":7"));
        ((int)over["usage"]!["completion_tokens"]!).ShouldBe(50);
    }

    [Fact]
    [Trait("Trap", "24")]
    public async Task Several_choices_are_produced_and_charged()
    {
        var answer = await Json(Send(SandboxModels.Script, "[[tokens=3 reasoning=2 cached=1]]", ""","n":4"""));
        answer["choices"]!.AsArray().Select(c => (int)c!["index"]!).ShouldBe([0, 1, 2, 3]);
        ((int)answer["usage"]!["completion_tokens"]!).ShouldBe(20);
        ((int)answer["usage"]!["completion_tokens_details"]!["reasoning_tokens"]!).ShouldBe(8);
        ((int)answer["usage"]!["prompt_tokens_details"]!["cached_tokens"]!).ShouldBe(1);
        var chunks = await Chunks(Send(SandboxModels.Script, "[[tokens=3]]", ""","n":2,"stream":true"""));
        chunks.Count(c => (int)c["choices"]![0]!["index"]! == 1).ShouldBe(5);
    }

    [Fact]
    public async Task Tools_are_called_in_parallel_as_directives_say()
    {
        const string Prompt = """Go [[tool=get_weather{"city":"Oslo ]]","n":[1,{}]} tool=f{}]]""";
        var answer = await Json(Send(SandboxModels.Script, Prompt, Tools));
        var choice = answer["choices"]![0]!;
        ((string?)choice["finish_reason"]).ShouldBe("tool_calls");
        choice["message"]!["content"].ShouldBeNull();
        var calls = choice["message"]!["tool_calls"]!.AsArray();
        calls.Select(c => (string?)c!["function"]!["name"]).ShouldBe(["get_weather", "f"]);
        ((string?)calls[0]!["function"]!["arguments"]).ShouldBe("""{"city":"Oslo ]]","n":[1,{}]}""");
        calls.Select(c => (string?)c!["id"]).Distinct().Count().ShouldBe(2);

        var deltas = (await Chunks(Send(SandboxModels.Script, Prompt, Tools + ""","stream":true""")))
            .Select(c => c["choices"]![0]!["delta"]!["tool_calls"]?[0]).OfType<JsonNode>().GroupBy(d => (int)d["index"]!).ToList();
        deltas.Count.ShouldBe(2);
        deltas.ShouldAllBe(call => call.First()["id"] != null
            && call.First()["function"]!["name"] != null && call.Skip(1).All(d => d["id"] == null));
        string.Concat(deltas[0].Select(d => (string?)d["function"]!["arguments"])).ShouldBe("""{"city":"Oslo ]]","n":[1,{}]}""");
    }

    [Fact]
    public async Task An_undeclared_or_forbidden_tool_is_not_called()
    {
        await Json(Send(SandboxModels.Script, "[[tool=g{}]]", Tools), HttpStatusCode.BadRequest);
        await Json(Send(SandboxModels.Script, "[[tool=f{}]]", Tools + ""","tool_choice":"none" """), HttpStatusCode.BadRequest);
    }

    [Fact]
    public async Task Errors_come_before_or_within_the_stream()
    {
        var error = await Json(Send(SandboxModels.Script, "[[error=503]]", ""","stream":true"""), HttpStatusCode.ServiceUnavailable);
        ((string?)error["error"]!["type"]).ShouldBe("server_error");
        await Json(Send(SandboxModels.Script, "[[error=429 after=2]]"), HttpStatusCode.TooManyRequests);
        var chunks = await Chunks(Send(SandboxModels.Script, "[[tokens=9 error=500 after=2]]", ""","stream":true"""), done: false);
        TextOf(chunks[..^1]).ShouldBe("the sea");
        ((string?)chunks[^1]["error"]!["code"]).ShouldBe("sandbox_error");
    }

    [Fact]
    public async Task A_cut_breaks_the_connection_after_the_tokens_before_it()
    {
        using var response = await Send(SandboxModels.Script, "[[tokens=9 cut=1 after=2]]", ""","stream":true""");
        await using var stream = await response.Content.ReadAsStreamAsync();
        var buffer = new byte[65_536];
        var length = await stream.ReadAsync(buffer);
        Encoding.UTF8.GetString(buffer, 0, length).ShouldContain(" sea");
        await Should.ThrowAsync<HttpIOException>(async () => _ = await stream.ReadAsync(buffer));
        await Should.ThrowAsync<HttpRequestException>(() => Send(SandboxModels.Script, "[[cut=1]]"));
    }

    [Fact]
    public async Task Usage_can_be_missing_or_zero()
    {
        (await Json(Send(SandboxModels.Script, "[[usage=none]]"))).AsObject().ContainsKey("usage").ShouldBeFalse();
        ((int)(await Json(Send(SandboxModels.Script, "[[usage=zero]]")))["usage"]!["total_tokens"]!).ShouldBe(0);
    }

    [Fact]
    public async Task A_delay_paces_the_stream_and_a_reader_may_give_up()
    {
        using var response = await Send(SandboxModels.Script, "[[tokens=3 delay_ms=60000]]", ""","stream":true""");
        await using var stream = await response.Content.ReadAsStreamAsync();
        var buffer = new byte[65_536];
        var length = await stream.ReadAsync(buffer);
        Encoding.UTF8.GetString(buffer, 0, length).Split("data: ").Length.ShouldBe(3);
        using var hurry = new CancellationTokenSource(20);
        await Should.ThrowAsync<OperationCanceledException>(async () => _ = await stream.ReadAsync(buffer, hurry.Token));
    }

    [Theory]
    [InlineData("[[tokens=100001]]")]
    [InlineData("[[tokens=-1]]")]
    [InlineData("[[tokens=1 tokens=2]]")]
    [InlineData("[[delay_ms=60001]]")]
    [InlineData("[[tokens=10000 delay_ms=60000]]")]
    [InlineData("[[error=200]]")]
    [InlineData("[[usage=some]]")]
    [InlineData("[[unknown=1]]")]
    [InlineData("[[tokens]]")]
    [InlineData("[[tool=f{]]")]
    [InlineData("[[tool=f[]]]")]
    [InlineData("[[")]
    public async Task A_directive_out_of_bounds_is_refused(string directive) =>
        ((string?)(await Json(Send(SandboxModels.Script, directive, Tools), HttpStatusCode.BadRequest))["error"]!["param"])
            .ShouldBe("messages");

    [Theory]
    [InlineData("", 400)]
    [InlineData("[]", 400)]
    [InlineData("{\"model\":\"gpt-9\",\"messages\":[]}", 404)]
    [InlineData("{\"model\":\"crew-sandbox-embed\",\"messages\":[]}", 404)]
    [InlineData("{\"model\":\"crew-sandbox-echo\",\"messages\":[]}", 400)]
    [InlineData("{\"model\":\"crew-sandbox-echo\",\"messages\":[7]}", 400)]
    [InlineData("{\"model\":\"crew-sandbox-echo\",\"messages\":[{\"role\":\"user\",\"content\":\"\\ud800\"}]}", 400)]
    [InlineData("{\"model\":\"crew-sandbox-echo\",\"messages\":[{\"role\":\"user\"}],\"max_tokens\":0}", 400)]
    [InlineData("{\"model\":\"crew-sandbox-echo\",\"messages\":[{\"role\":\"user\"}],\"n\":129}", 400)]
    [InlineData("{\"model\":\"crew-sandbox-echo\",\"messages\":[{\"role\":\"user\"}],\"stream_options\":{}}", 400)]
    [InlineData("{\"model\":\"crew-sandbox-echo\",\"messages\":[{\"role\":\"user\"}]}", 200)]
    public async Task Any_body_gets_an_answer_in_the_dialect(string body, int status) =>
        (await Json(Send(Encoding.UTF8.GetBytes(body)), (HttpStatusCode)status)).AsObject()
            .ContainsKey(status == 200 ? "choices" : "error").ShouldBeTrue();

    [Fact]
    public async Task Another_path_is_not_found() => await Json(Send([], "rerank"), HttpStatusCode.NotFound);

    [Fact]
    [Trait("Trap", "34")]
    public void A_text_never_has_more_tokens_than_bytes() => Prop.ForAll(ArbMap.Default.ArbFor<string>(), text =>
    {
        text ??= "";
        SandboxTokens.Count(text).ShouldBeLessThanOrEqualTo(Encoding.UTF8.GetByteCount(text));
        SandboxTokens.Split(text).Count.ShouldBe(SandboxTokens.Count(text));
        string.Concat(SandboxTokens.Split(text)).ShouldBe(text);
    }).Check(Config.QuickThrowOnFailure.WithMaxTest(1_000));

    [Fact]
    public void Directives_of_any_shape_give_a_script_or_a_fault() => Prop.ForAll(ArbMap.Default.ArbFor<string>(), text =>
        ScriptDirectives.Parse($"[[tokens=1 {text}]]").Fault?.Status.ShouldBe(400)).Check(Config.QuickThrowOnFailure.WithMaxTest(1_000));

    [Fact]
    public async Task The_scanner_meters_the_sandbox_as_any_provider()
    {
        using var response = await Send(
            SandboxModels.Script, "[[tokens=40 reasoning=3]]", ""","stream":true,"stream_options":{"include_usage":true}""");
        await using var stream = await response.Content.ReadAsStreamAsync();
        using var scanner = new SseScanner(new ChatChunkReader(clientWantsUsage: false));
        var (output, buffer) = (new System.Buffers.ArrayBufferWriter<byte>(), new byte[100]);
        while (await stream.ReadAsync(buffer) is var length and > 0)
        {
            scanner.Push(buffer.AsSpan(0, length), output);
        }

        scanner.Complete();
        scanner.Usage!.Value.ShouldBe(new TokenCounts(scanner.Usage!.Value.Input, 0, 0, 40, 3));
        scanner.DeliveredTextBytes.ShouldBe(40 * 4 - 1);
        Encoding.UTF8.GetString(output.WrittenSpan).ShouldNotContain("prompt_tokens");
        scanner.TailBytes.ShouldBe("data: [DONE]\n\n".Length);
    }

    [Fact]
    public async Task What_the_sandbox_charges_stays_within_the_worst_case()
    {
        var body = Encoding.UTF8.GetBytes(
            """{"model":"crew-sandbox-script","messages":[{"role":"user","content":"[[tokens=90]]"}],"max_tokens":8,"n":3}""");
        using var response = await Send(body);
        var answer = ChatAnswer.Read(Bytes.Whole(await response.Content.ReadAsByteArrayAsync()));
        var prices = SandboxModels.All[1].Prices;
        var request = RequestScan.Read(Bytes.Whole(body), Operation.ChatCompletions).Value;
        prices.CostOf(answer.Usage!.Value)
            .ShouldBeLessThanOrEqualTo(new WorstCase(request.BodyBytes, request.OutputCap!.Value, request.Choices, false).CostAt(prices));
    }
}
