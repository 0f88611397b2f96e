using System.IO.Compression;
using System.Net;
using System.Text;
using System.Text.Json;
using Shouldly;
using Xunit;
using static Crew.Gateway.Tests.EndToEnd.GatewayServer;

namespace Crew.Gateway.Tests.EndToEnd;

/// <summary>Answers that are legal and that no reader expects, and errors that do not look like errors, at every endpoint.</summary>
[Collection(GatewayServerGroup.Name)]
public sealed class HostileAnswerTests(GatewayServer gateway)
{
    private const string Secret = "0123456789";
    private const string Half = @"\ud800";

    public static TheoryData<string, string, string> Endpoints => new()
    {
        {
            "/v1/chat/completions", Body(model: RawModel),
            """{"id":"c","choices":[{"index":0,"message":{"role":"assistant","content":"Hi"},"finish_reason":"stop"}],"usage":{"prompt_tokens":5,"completion_tokens":1}}"""
        },
        { "/v1/responses", """{"model":"raw","input":"hi"}""", """{"id":"r","object":"response","status":"completed","output":[],"usage":{"input_tokens":5,"output_tokens":1}}""" },
        {
            "/v1/messages", Message(""","max_tokens":64""", RawClaude),
            """{"id":"m","type":"message","content":[{"type":"text","text":"Hi"}],"stop_reason":"end_turn","usage":{"input_tokens":5,"output_tokens":1}}"""
        },
        { "/v1/embeddings", """{"model":"raw","input":"hi"}""", """{"object":"list","data":[],"usage":{"prompt_tokens":6,"total_tokens":6}}""" },
    };

    /// <summary>Names that hold half a surrogate pair are legal JSON; readers that unescape them throw.</summary>
    [Theory]
    [MemberData(nameof(Endpoints))]
    public async Task Half_a_character_in_a_name_or_word_is_passed_on_and_the_answer_is_metered(string path, string body, string good)
    {
        foreach (var odd in new[]
        {
            good.Replace("{\"", $"{{\"{Half}age\":1,\"{Half}x\":1,\"{Half}tent\":2,\"").Replace("\"finish_reason\":\"stop\"", $"\"finish_reason\":\"{Half}\""),
            good.Replace("\"completed\"", $"\"{Half}eted\"").Replace("\"end_turn\"", $"\"{Half}_turn\""),
        })
        {
            gateway.Raw.Answer = RawProvider.Json(200, odd);
            using var answer = await SendToAsync(path, await gateway.KeyAsync(), body);
            answer.StatusCode.ShouldBe(HttpStatusCode.OK);
            (await answer.Content.ReadAsStringAsync()).ShouldBe(odd);
            var attempt = (await gateway.AttemptsAsync(RequestIdOf(answer)))[0];
            attempt.GetProperty("provenance").GetString().ShouldBe("exact");
        }
    }

    [Theory]
    [InlineData("/v1/responses", """{"model":"raw","input":"hi","stream":true}""",
        "data: {\"type\":\"response.completed\",\"response\":{\"id\":\"r\",\"status\":\"completed\",\"usage\":{\"input_tokens\":5,\"output_tokens\":1}}}\n\n")]
    [InlineData("/v1/messages", """{"model":"claude-raw","max_tokens":64,"stream":true,"messages":[]}""",
        "data: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\"},\"usage\":{\"input_tokens\":5,\"output_tokens\":1}}\n\ndata: {\"type\":\"message_stop\"}\n\n")]
    public async Task Half_a_character_in_an_event_is_passed_on_and_the_stream_is_metered(string path, string body, string end)
    {
        var events = ("""
            data: {"\ud800":1,"type":"\ud800ing"}

            data: {"type":"\ud800se.failed","response":{"\ud800":1}}

            data: {"type":"response.created","response":{"id":"~","model":"~"}}

            data: {"type":"message_start","message":{"usage":{"\ud800put_tokens":1,"input_tokens":5}}}


            """ + end).Replace('~', '\u00ff');
        gateway.Raw.Answer = [.. RawProvider.Stream(""), .. Encoding.Latin1.GetBytes(events)];
        using var answer = await SendToAsync(path, await gateway.KeyAsync(), body);
        (await answer.Content.ReadAsByteArrayAsync()).ShouldBe(Encoding.Latin1.GetBytes(events));
        (await gateway.AttemptsAsync(RequestIdOf(answer)))[0].GetProperty("provenance").GetString().ShouldBe("exact");
    }

    /// <summary>Some providers answer 200 and put the error into the body.</summary>
    [Theory]
    [MemberData(nameof(Endpoints))]
    [Trait("Trap", "9")]
    public async Task An_error_under_a_status_of_200_is_a_failure(string path, string body, string good)
    {
        _ = good;
        gateway.Raw.Answer = RawProvider.Json(200, """{"error":{"message":"Overloaded, try later","type":"x","param":null,"code":502}}""");
        using var answer = await SendToAsync(path, await gateway.KeyAsync(), body);
        answer.StatusCode.ShouldBe(HttpStatusCode.BadGateway);
        (await answer.Content.ReadAsStringAsync()).ShouldContain("Overloaded, try later");
        (await gateway.AttemptsAsync(RequestIdOf(answer)))[0].GetProperty("outcome").GetString().ShouldBe("upstream_error");
    }

    [Theory]
    [MemberData(nameof(Endpoints))]
    [Trait("Trap", "15")]
    public async Task A_credential_is_found_wherever_a_provider_repeats_it(string path, string body, string good)
    {
        var error = $$$"""{"error":{"message":"Bad header: Bearer {{{Credential}}}"}}""";
        foreach (var answer in new[]
        {
            RawProvider.Json(200, error),
            RawProvider.Json(200, good[..^1] + $",\"debug\":\"{Credential}\"}}"),
            [.. RawProvider.Json(400, "", "Content-Encoding: gzip"), .. Zip(error)],
            [.. RawProvider.Json(400, ""), .. Encoding.Unicode.GetBytes(error)],
            [.. RawProvider.Json(400, ""), .. Encoding.Latin1.GetBytes($"\u00ff{error}")],
        })
        {
            gateway.Raw.Answer = answer;
            using var said = await SendToAsync(path, await gateway.KeyAsync(), body);
            said.StatusCode.ShouldBe(HttpStatusCode.BadGateway);
            var bytes = await said.Content.ReadAsByteArrayAsync();
            bytes.AsSpan().IndexOf(Encoding.ASCII.GetBytes(Secret)).ShouldBe(-1);
            bytes.AsSpan().IndexOf(Encoding.Unicode.GetBytes(Secret)).ShouldBe(-1);
            JsonDocument.Parse(bytes).Dispose();
        }
    }

    [Theory]
    [InlineData("data: {\"error\":{\"message\":\"Bearer {0}\"\n\n")]
    [InlineData("data: Unauthorized: Bearer {0}\n\n")]
    [InlineData(": Bearer {0}\n\n")]
    [InlineData("id: {0}\ndata: {{}}\n\n")]
    [InlineData("data: {{\"choices\":[],\"debug\":\"{0}\"}}\n\n")]
    [InlineData("<html><body>Bearer {0}</body></html>")]
    public async Task A_credential_is_found_in_whatever_stands_in_a_stream(string frame)
    {
        gateway.Raw.Answer = RawProvider.Stream(RawProvider.Chunk(null) + frame.Replace("{0}", Credential) + RawProvider.Chunk("stop") + "data: [DONE]\n\n");
        using var answer = await SendAsync(await gateway.KeyAsync(), Body(""","stream":true""", RawModel));
        var text = await answer.Content.ReadAsStringAsync();
        text.ShouldNotContain(Secret);
        text.ShouldContain("provider_credentials_rejected");
        text.ShouldNotContain("[DONE]");
    }

    [Fact]
    [Trait("Trap", "23")]
    public async Task Compressed_events_that_nobody_asked_for_do_not_reach_the_client()
    {
        gateway.Raw.Answer = [.. RawProvider.Stream("", "Content-Encoding: gzip"), .. Zip(RawProvider.Chunk("stop") + "data: [DONE]\n\n")];
        using var answer = await SendAsync(await gateway.KeyAsync(), Body(""","stream":true""", RawModel));
        answer.StatusCode.ShouldBe(HttpStatusCode.BadGateway);
    }

    /// <summary>The caller is often not whose account it is; every other word stays, since clients tell errors apart by them.</summary>
    [Theory]
    [InlineData("Rate limit reached for gpt-4o in organization org-AbCdEf012345XYZ on tokens per min", "Rate limit reached for gpt-4o in organization [hidden] on tokens per min")]
    [InlineData("Project `proj_AbCdEf012345` of user-AbCdEf0123456789 is archived", "Project `[hidden]` of [hidden] is archived")]
    [InlineData("User: arn:aws:sts::123456789012:assumed-role/prod/x is not authorized", "User: [hidden] is not authorized")]
    [InlineData("https://acme-prod.openai.azure.com/openai: deployment not found", "https://[hidden]/openai: deployment not found")]
    [InlineData("Permission denied on projects/acme-prod-1/locations by bot@acme.iam.gserviceaccount.com", "Permission denied on [hidden]/locations by [hidden]")]
    [InlineData("Incorrect API key provided: sk-proj-********************wXyZ.", "Incorrect API key provided: [hidden].")]
    [InlineData("The tool task-org-chart of user-input must be ask-me, see sk-learn", "The tool task-org-chart of user-input must be ask-me, see sk-learn")]
    [Trait("Trap", "33")]
    public async Task An_error_does_not_name_the_account_that_pays(string said, string shown)
    {
        var error = $$$"""{"error":{"message":"{{{said}}}","type":"x","param":null,"code":"y"},"n":1.0}""";
        gateway.Raw.Answer = RawProvider.Json(429, error);
        using var whole = await SendAsync(await gateway.KeyAsync(), Body(model: RawModel));
        (await whole.Content.ReadAsStringAsync()).ShouldBe(error.Replace(said, shown));

        gateway.Raw.Answer = RawProvider.Stream(RawProvider.Chunk(null) + $"data: {error}\n\n");
        using var stream = await SendAsync(await gateway.KeyAsync(), Body(""","stream":true""", RawModel));
        (await stream.Content.ReadAsStringAsync()).ShouldBe(RawProvider.Chunk(null) + $"data: {error.Replace(said, shown)}\n\n");

        gateway.Raw.Answer = RawProvider.Json(429, error);
        using var carried = await SendAsync(await gateway.KeyAsync(), Body(model: RawClaude));
        (await ErrorOf(carried)).GetProperty("message").GetString().ShouldBe(shown);
    }

    /// <summary>Half a surrogate pair again, from the other side.</summary>
    [Theory]
    [InlineData("speed")]
    [InlineData("inference_geo")]
    [InlineData("service_tier")]
    [InlineData("mod")]
    public async Task Half_a_character_in_a_request_is_no_fault_of_ours(string field)
    {
        gateway.Raw.Answer = RawProvider.Json(200, """{"id":"m","type":"message","content":[],"stop_reason":"end_turn","usage":{"input_tokens":5,"output_tokens":1}}""");
        foreach (var word in new[] { Half, Half + "bal", Half + "rd" })
        {
            using var answer = await SendToAsync("/v1/messages", await gateway.KeyAsync(), Message($",\"max_tokens\":64,\"{field}\":\"{word}\"", RawClaude));
            answer.StatusCode.ShouldBe(HttpStatusCode.OK);
        }
    }

    /// <summary>Clients discard half an event; glued to ours it would make that one unreadable, too.</summary>
    [Theory]
    [InlineData(8)]
    [InlineData((1 << 20) + 8)]
    public async Task Half_an_event_at_the_end_does_not_swallow_the_error_that_follows(int length)
    {
        gateway.Raw.Answer = RawProvider.Stream(RawProvider.Chunk(null) + "data: {\"choices\":[{\"delta\":{\"content\":\"" + new string('x', length));
        using var answer = await SendAsync(await gateway.KeyAsync(), Body(""","stream":true""", RawModel));
        var last = (await answer.Content.ReadAsStringAsync()).Split("\n\n", StringSplitOptions.RemoveEmptyEntries)[^1];
        using var error = JsonDocument.Parse(last["data: ".Length..]);
        error.RootElement.GetProperty("error").GetProperty("code").GetString().ShouldBe("provider_unavailable");
    }

    private static byte[] Zip(string text)
    {
        using var zipped = new MemoryStream();
        using (var gzip = new GZipStream(zipped, CompressionLevel.Fastest, leaveOpen: true))
        {
            gzip.Write(Encoding.UTF8.GetBytes(text));
        }

        return zipped.ToArray();
    }
}
