using System.Buffers;
using System.Net;
using System.Net.Http.Headers;
using System.Runtime.InteropServices;
using System.Text;
using System.Text.RegularExpressions;
using Crew.Gateway.Dialects;
using Crew.Gateway.Forwarding;
using FsCheck;
using FsCheck.Fluent;
using Shouldly;
using Xunit;

namespace Crew.Gateway.Tests.EndToEnd;

/// <summary>
/// Odd but legal bodies and streams of every endpoint: what a provider gets differs from what the client sent in the spliced ranges only, and
/// what the client gets is what the provider sent, however the bytes are cut on the way.
/// </summary>
public sealed partial class ByteExactTests(PassThroughStage stage) : IClassFixture<PassThroughStage>
{
    private const string Odd = """
        "big":123456789012345678901234567890,"one":1.0,"e":1E+2,"z":-0.0,"again":1,"again":{"again":2},"t":"\u00e9\/ \ud800 é 🐎 \"model\":\"x\"", "nested":{"model":"y","stream":1,"n":[[[]]]}
        """;

    private const string Text = """data: {"choices":[{"index":0,"delta":{"content":"Dobrý 🐎 \"usage\":{"},"finish_reason":null}],"n":1.0}""" + "\n\n";
    private const string Usage = """data: {"choices":[],"usage":{"prompt_tokens":9,"completion_tokens":4}}""" + "\n\n";

    private static readonly string Long = $"data: {{\"choices\":[],\"pad\":\"{new string('x', 70_000)}\"}}\n\n";

    private static readonly string Comments = ": a\n\n:\n\nevent: ping\ndata:\ndata:\n\nid: 7\nretry: 10\n\ndata\n\nunknown: é\n\nid\n\n";

    /// <summary>Model, then the body; <c>~</c> stands for the odd members.</summary>
    public static TheoryData<string, string> Bodies()
    {
        var bodies = new TheoryData<string, string>();
        foreach (var (path, body) in new[]
        {
            ("/v1/chat/completions", """{"messages":[{"role":"user","content":"a"}],"model":"any","max_tokens":7,~}"""),
            ("/v1/chat/completions", " \r\n{ \"stream_options\" : {\"x\":1.0, \"include_usage\" : false } ,\"stream\":true,\"model\"\t:\t\"any\",\"store\":true,~ ,\"messages\":[]}\r\n "),
            ("/v1/chat/completions", """{"messages":[],"model":"a\u006ey","max_completion_tokens":null,~}"""),
            ("/v1/responses", """{"input":"a","model":"any","store":true,"max_output_tokens":9,~}"""),
            ("/v1/responses", """{~,"input":[{"role":"user","content":"a"}],"model":"any","reasoning":{"effort":"low"}}"""),
            ("/v1/embeddings", """{"input":["a",[1,2]],"model":"any","encoding_format":"base64",~}"""),
            ("/v1/completions", """{"prompt":"a","model":"any","n":3,~}"""),
            ("/v1/messages", """{"system":[{"type":"text","text":"a","cache_control":{"type":"ephemeral"}},{"type":"text","text":"b"}],"model":"claude","max_tokens":9,"messages":[],~}"""),
            ("/v1/messages", """{"messages":[{"role":"assistant","content":[{"type":"thinking","thinking":"é","signature":"EqQB/+=="}]}],"model":"claude",~}"""),
            ("/v1/messages/count_tokens", """{"messages":[],"model":"claude",~}"""),
        })
        {
            bodies.Add(path, body.Replace("~", Odd.Trim()));
        }

        return bodies;
    }

    public static TheoryData<string, string> Streams()
    {
        const string ChatDone = "data: [DONE]\n\n";
        const string Finish = "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n";
        var completed = """
            event: response.output_text.delta
            data: {"type":"response.output_text.delta","delta":"Dobrý 🐎","sequence_number":1,"f":1.0}

            event: response.completed
            data: {"type":"response.completed",
            data: "response":{"id":"r","status":"completed","usage":{"input_tokens":5,"output_tokens":1}},"n":9007199254740993}


            """;
        var message = """
            event: message_start
            data: {"type":"message_start","message":{"usage":{"input_tokens":5,"output_tokens":1}}}

            event: content_block_delta
            data: {"type":"content_block_delta","index":0,"delta":{"type":"signature_delta","signature":"EqQB/+=="}}

            event: message_delta
            data: {"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":3}}

            event: message_stop
            data: {"type":"message_stop"}


            """;
        var streams = new TheoryData<string, string>();
        foreach (var newline in new[] { "\n", "\r\n", "\r" })
        {
            foreach (var (path, events) in new[]
            {
                ("/v1/chat/completions", "\uFEFF" + Comments + Text + Long + Usage + Text + Finish + Usage + ChatDone),
                ("/v1/chat/completions", Text + Finish + Usage + "data: [DONE]"),
                ("/v1/responses", Comments + completed),
                ("/v1/messages", Comments + message + (newline == "\n" ? "" : "")),
                ("/v1/completions", Comments + Text + Long + Finish + Usage + ChatDone),
            })
            {
                streams.Add(path, events.Replace("\n", newline));
            }
        }

        return streams;
    }

    [Theory]
    [Trait("Trap", "3")]
    [Trait("Trap", "4")]
    [MemberData(nameof(Bodies))]
    public void What_is_not_spliced_is_the_clients_own_memory(string path, string body)
    {
        var bytes = Encoding.UTF8.GetBytes(body);
        var format = WireFormats.All.Single(f => f.ClientPath == path);
        var sequence = new ReadOnlySequence<byte>(bytes);
        var request = format.Read(sequence).Value;
        var edits = format.EditsFor(request, "upstream", 5);
        var spliced = BodySplice.Apply(sequence, request, edits);
        var at = 0;
        foreach (var part in spliced.Parts)
        {
            if (MemoryMarshal.TryGetArray(part, out var kept) && kept.Array == bytes)
            {
                Replaced().IsMatch(Encoding.UTF8.GetString(bytes, at, kept.Offset - at)).ShouldBeTrue();
                at = kept.Offset + kept.Count;
            }
            else
            {
                Added().IsMatch(Encoding.UTF8.GetString(part.Span)).ShouldBeTrue();
            }
        }

        at.ShouldBe(bytes.Length);
        Prop.ForAll(Gen.Choose(1, bytes.Length).ToArbitrary(), size =>
        {
            var cut = Bytes.Cut(bytes, size);
            return BodySplice.Apply(cut, format.Read(cut).Value, edits).ToSequence().Text() == spliced.ToSequence().Text();
        }).QuickCheckThrowOnFailure();
    }

    [Theory]
    [Trait("Trap", "21")]
    [MemberData(nameof(Streams))]
    public void A_stream_comes_as_it_went_wherever_it_is_cut(string path, string events)
    {
        var bytes = Encoding.UTF8.GetBytes(events);
        var format = WireFormats.All.Single(f => f.ClientPath == path);
        Prop.ForAll(Gen.ListOf(Gen.Choose(0, bytes.Length)).ToArbitrary(), cuts =>
        {
            using var scanner = new SseScanner(format.ReadEvents(Wanting(format)));
            var output = new ArrayBufferWriter<byte>();
            var from = 0;
            foreach (var cut in cuts.Order().Append(bytes.Length))
            {
                scanner.Push(bytes.AsSpan(from, cut - from), output);
                from = cut;
            }

            scanner.Complete();
            scanner.ReleaseTail(output);
            return output.WrittenSpan.SequenceEqual(bytes) && scanner.Usage is not null && !scanner.SawError;
        }).QuickCheckThrowOnFailure();
    }

    [Theory]
    [Trait("Trap", "3")]
    [MemberData(nameof(Bodies))]
    public async Task A_provider_gets_the_clients_bytes_but_for_the_splices(string path, string body)
    {
        stage.Stub.Seen.Clear();
        stage.Stub.Answer = http => Microsoft.AspNetCore.Http.Results.Text("""{"id":"é","usage":{"input_tokens":1,"output_tokens":1},"n":1.0} """, "application/json").ExecuteAsync(http);
        using var content = new ByteArrayContent(Encoding.UTF8.GetBytes(body));
        content.Headers.ContentType = new MediaTypeHeaderValue("application/json");
        using var answer = await stage.Server.Master.PostAsync(new Uri(path, UriKind.Relative), content);
        (await answer.Content.ReadAsStringAsync()).ShouldBe("""{"id":"é","usage":{"input_tokens":1,"output_tokens":1},"n":1.0} """);
        var seen = stage.Stub.Seen.Single().Text;
        seen.ShouldContain(Odd.Trim());
        Undone(seen).ShouldBe(Undone(body));
    }

    [Theory]
    [Trait("Trap", "11")]
    [Trait("Trap", "21")]
    [MemberData(nameof(Streams))]
    public async Task A_client_gets_the_providers_bytes(string path, string events)
    {
        var bytes = Encoding.UTF8.GetBytes(events);
        var dice = new Random(events.Length);
        stage.Stub.Answer = async http =>
        {
            http.Response.ContentType = "text/event-stream";
            for (var from = 0; from < bytes.Length;)
            {
                var length = Math.Min(dice.Next(1, Math.Max(2, bytes.Length / 6)), bytes.Length - from);
                await http.Response.Body.WriteAsync(bytes.AsMemory(from, length));
                await http.Response.Body.FlushAsync();
                from += length;
            }
        };
        var model = path == "/v1/messages" ? "claude" : "any";
        using var content = new StringContent($$"""{"model":"{{model}}","stream":true,"stream_options":{"include_usage":true},"input":"a","messages":[]}""",
            new MediaTypeHeaderValue("application/json"));
        using var answer = await stage.Server.Master.PostAsync(new Uri(path, UriKind.Relative), content);
        answer.StatusCode.ShouldBe(HttpStatusCode.OK);
        (await answer.Content.ReadAsByteArrayAsync()).ShouldBe(bytes);
    }

    private static InferenceRequest? Wanting(WireFormat format) => format.Operation != Operation.ChatCompletions ? null
        : format.Read(new ReadOnlySequence<byte>("""{"model":"m","stream":true,"stream_options":{"include_usage":true}}"""u8.ToArray())).Value;

    /// <summary>A body without what may differ: the model, the caps, whether usage comes and whether anything is stored.</summary>
    private static string Undone(string body) => Governed().Replace(body, "");

    [GeneratedRegex(""""^(?:"(?:any|a\\u006ey|claude)"|null|[0-9]+|true|false)?$"""")]
    private static partial Regex Replaced();

    [GeneratedRegex("""^(?:"upstream"|5|true|false|(?:"(?:max_completion_tokens|max_output_tokens|max_tokens)":5,?|"stream_options":\{"include_usage":true\},?|"store":false,?)+)$""")]
    private static partial Regex Added();

    [GeneratedRegex(""""
        (?<=\{)(?:"(?:max_completion_tokens|max_output_tokens|max_tokens)":4096,|"stream_options":\{"include_usage":true\},|"store":false,)+
        | (?<="model"\s*:\s*)"(?:any|a\\u006ey|claude|upstream-any|upstream-claude)"
        | (?<="store":)(?:true|false)
        | (?<="include_usage"\s*:\s*)(?:true|false)
        | (?<="max_completion_tokens":)(?:null|4096)
        """", RegexOptions.IgnorePatternWhitespace)]
    private static partial Regex Governed();
}
