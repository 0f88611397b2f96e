using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Crew.Gateway.Dialects;
using Crew.Gateway.Forwarding;
using Shouldly;
using Xunit;

namespace Crew.Gateway.Tests.Forwarding;

public sealed class BodySpliceTests
{
    private static readonly BodyEdits Everything = new()
    {
        UpstreamModel = "up/stream \"1\"",
        ForceUsage = true,
        OutputCap = 50,
        ForceStoreFalse = true,
    };

    public static TheoryData<string> OddBodies() =>
    [
        """{"model":"m"}""",
        "{\r\n\t\"model\" \t: \"m\"\r\n,\"stream\" : true }\r\n",
        """{"big":123456789012345678901234567890,"f":1.0,"e":1E+2,"z":-0,"model":"m","stream":true}""",
        """{"unknown":1,"unknown":2,"model":"m","unknown":{"model":"x","max_tokens":9,"stream":false}}""",
        """{"messages":[{"role":"user","content":"\u00e9\ud83d\ude00\/ \"model\":\"m\" é😀","model":"x"}],"model":"\u006d","stream":true}""",
        """{"model":"m","stream":true,"stream_options":{},"max_tokens":100}""",
        """{"model":"m","stream":true,"stream_options":{ "include_obfuscation" : false },"max_completion_tokens":100,"max_tokens":100}""",
        """{"model":"m","stream":true,"stream_options":null,"max_tokens":null,"store":true}""",
        """{"stream_options":{"include_usage":false},"model":"m","stream":true,"max_completion_tokens":7,"store":null}""",
        """{"stream_options":{"include_usage":true},"max_completion_tokens":null,"max_tokens":6,"stream":true,"store":false,"model":"m"}""",
    ];

    private static string Splice(string body, BodyEdits edits) => Splice(Encoding.UTF8.GetBytes(body), int.MaxValue / 2, edits);

    private static string Splice(byte[] body, int size, BodyEdits edits)
    {
        var sequence = Bytes.Cut(body, size);
        var spliced = BodySplice.Apply(sequence, RequestScan.Read(sequence, Operation.ChatCompletions).Value, edits);
        spliced.ToSequence().Length.ShouldBe(spliced.Bytes);
        return spliced.ToSequence().Text();
    }

    [Theory, MemberData(nameof(OddBodies))]
    public void Without_edits_every_byte_stays(string body)
    {
        Splice(body, new BodyEdits()).ShouldBe(body.Replace("\"store\":true", "\"store\":false", StringComparison.Ordinal));
        var (cap, none) = body.Contains("\"max_tokens\":null,", StringComparison.Ordinal)
            && !body.Contains("\"max_completion_tokens\":", StringComparison.Ordinal)
            ? ("\"max_tokens\":1000,", "\"max_tokens\":null,") : ("\"max_tokens\":1000,", "");
        Splice(body, new BodyEdits { UpstreamModel = "m", OutputCap = 1000, CapField = "max_tokens" })
            .Replace(cap, none, StringComparison.Ordinal)
            .ShouldBe(body.Replace("\"store\":true", "\"store\":false", StringComparison.Ordinal));
    }

    [Theory, MemberData(nameof(OddBodies))]
    [Trait("Trap", "3")]
    [Trait("Trap", "25")]
    public void Only_the_governed_fields_change_and_the_result_means_what_was_asked(string body)
    {
        var text = Splice(body, Everything);
        var (before, after) = (Parse(body), Parse(text));
        after("model")!.GetValue<string>().ShouldBe("up/stream \"1\"");
        after("store")!.GetValue<bool>().ShouldBeFalse();
        var wish = (before("max_completion_tokens") ?? before("max_tokens"))?.GetValue<int>() ?? int.MaxValue;
        (after("max_completion_tokens") ?? after("max_tokens"))!.GetValue<int>().ShouldBe(Math.Min(wish, 50));
        (after("max_tokens")?.GetValue<int>() ?? 0).ShouldBeLessThanOrEqualTo(50);
        if (before("stream") is not null)
        {
            after("stream_options")!["include_usage"]!.GetValue<bool>().ShouldBeTrue();
            after("stream_options")!["include_obfuscation"]?.ToJsonString()
                .ShouldBe(before("stream_options")!["include_obfuscation"]!.ToJsonString());
        }
        else
        {
            after("stream_options").ShouldBeNull();
        }

        foreach (var name in new[] { "messages", "big", "f", "e", "z" })
        {
            after(name)?.ToJsonString().ShouldBe(before(name)?.ToJsonString());
        }
    }

    // Repeated unknown names cannot be looked up in a tree, so the last one wins here as in most readers.
    private static Func<string, JsonNode?> Parse(string json)
    {
        var members = new Dictionary<string, JsonNode?>();
        foreach (var member in JsonDocument.Parse(json).RootElement.EnumerateObject())
        {
            members[member.Name] = JsonNode.Parse(member.Value.GetRawText());
        }

        return name => members.GetValueOrDefault(name);
    }

    [Fact]
    public void The_bytes_around_a_change_are_the_clients_own()
    {
        Splice("""{ "n" : 1 , "model":"m","stream":true,"stream_options":{"include_usage":false , "x":1.0}}""",
            new BodyEdits { UpstreamModel = "u", ForceUsage = true })
            .ShouldBe("""{ "n" : 1 , "model":"u","stream":true,"stream_options":{"include_usage":true , "x":1.0}}""");
        Splice("""{"model":"m","stream":true,"stream_options":{ }}""", new BodyEdits { ForceUsage = true })
            .ShouldBe("""{"model":"m","stream":true,"stream_options":{"include_usage":true }}""");
        Splice("""  {  "model":"m","stream":true}""", new BodyEdits { ForceUsage = true, OutputCap = 9, ForceStoreFalse = true })
            .ShouldBe("""  {"stream_options":{"include_usage":true},"max_completion_tokens":9,"store":false,"""
                + """  "model":"m","stream":true}""");
        Splice("""{"model":"m","max_tokens":500,"max_completion_tokens":500}""", new BodyEdits { OutputCap = 9 })
            .ShouldBe("""{"model":"m","max_tokens":9,"max_completion_tokens":9}""");
    }

    [Theory, MemberData(nameof(OddBodies))]
    public void Segments_make_no_difference(string body)
    {
        var bytes = Encoding.UTF8.GetBytes(body);
        var whole = Splice(bytes, bytes.Length, Everything);
        for (var size = 1; size < bytes.Length; size++)
        {
            Splice(bytes, size, Everything).ShouldBe(whole);
        }
    }

    [Fact]
    public async Task The_content_knows_its_length_and_can_be_sent_twice()
    {
        var body = Bytes.Whole("""{"model":"m","messages":["ž"]}""");
        using var content = BodySplice.Apply(body, RequestScan.Read(body, Operation.ChatCompletions).Value, Everything with { ForceUsage = false }).ToContent();
        for (var i = 0; i < 2; i++)
        {
            using var sent = new MemoryStream();
            await content.CopyToAsync(sent);
            sent.Length.ShouldBe(content.Headers.ContentLength!.Value);
            Encoding.UTF8.GetString(sent.ToArray()).ShouldStartWith("""{"max_completion_tokens":50,"store":false,"model":""");
        }
    }

    [Fact]
    [Trait("Trap", "23")]
    public void A_large_body_is_not_copied()
    {
        var body = Bytes.Whole("{\"model\":\"m\",\"messages\":[\"" + new string('x', 300_000) + "\"]}");
        var request = RequestScan.Read(body, Operation.ChatCompletions).Value;
        _ = BodySplice.Apply(body, request, Everything);
        var before = GC.GetAllocatedBytesForCurrentThread();
        var spliced = BodySplice.Apply(body, request, Everything);
        (GC.GetAllocatedBytesForCurrentThread() - before).ShouldBeLessThan(8_000);
        spliced.Bytes.ShouldBeGreaterThan(300_000);
    }
}
