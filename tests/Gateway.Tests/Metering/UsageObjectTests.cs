using System.Text;
using System.Text.Json;
using Crew.Gateway.Dialects;
using Crew.Gateway.Dialects.OpenAi;
using Crew.Gateway.Metering;
using FsCheck;
using FsCheck.Fluent;
using Shouldly;
using Xunit;

namespace Crew.Gateway.Tests.Metering;

public sealed class UsageObjectTests
{
    private static TokenCounts? Read(string json)
    {
        var reader = new Utf8JsonReader(Encoding.UTF8.GetBytes(json));
        reader.Read();
        return UsageObject.Read(ref reader);
    }

    [Theory]
    [InlineData("""{"prompt_tokens":10,"completion_tokens":4,"total_tokens":14}""", 10, 0, 0, 4, 0)]
    [InlineData("""{"prompt_tokens":0,"completion_tokens":0,"total_tokens":0}""", 0, 0, 0, 0, 0)]
    [InlineData("""{"prompt_tokens":10,"completion_tokens":4}""", 10, 0, 0, 4, 0)]
    [InlineData("""{"prompt_tokens":10,"total_tokens":10}""", 10, 0, 0, 0, 0)]
    [InlineData("""{"completion_tokens":4,"total_tokens":10}""", 6, 0, 0, 4, 0)]
    [InlineData("""{"prompt_tokens":10,"prompt_tokens_details":{"cached_tokens":8,"x":0},"completion_tokens":4}""", 2, 8, 0, 4, 0)]
    [InlineData("""{"prompt_tokens":10,"prompt_tokens_details":{"cached_tokens":8,"cache_write_tokens":1},"completion_tokens":4}""",
        1, 8, 1, 4, 0)]
    [InlineData("""{"prompt_tokens":10,"completion_tokens":9,"completion_tokens_details":{"reasoning_tokens":6}}""", 10, 0, 0, 3, 6)]
    [InlineData("""{"prompt_tokens":10,"completion_tokens":9,"total_tokens":25,"completion_tokens_details":{"reasoning_tokens":6}}""",
        10, 0, 0, 9, 6)]
    [InlineData("""{"prompt_tokens":10,"completion_tokens":2,"completion_tokens_details":{"reasoning_tokens":6}}""", 10, 0, 0, 2, 6)]
    [InlineData("""{"prompt_tokens":10,"completion_tokens":4,"total_tokens":20}""", 10, 0, 0, 4, 6)]
    [InlineData("""{"prompt_tokens":2,"completion_tokens":4,"total_tokens":14,"prompt_tokens_details":{"cached_tokens":8}}""",
        2, 8, 0, 4, 0)]
    [InlineData("""{"prompt_tokens":10.0,"completion_tokens":4,"prompt_tokens_details":null,"cost":{"x":[1]}}""", 10, 0, 0, 4, 0)]
    [InlineData("""{"prompt_tokens":10,"prompt_cache_hit_tokens":3,"prompt_cache_miss_tokens":7,"completion_tokens":4}""", 7, 3, 0, 4, 0)]
    [Trait("Trap", "8")]
    public void Counts_are_made_disjoint(string json, long input, long cacheRead, long cacheWrite, long output, long reasoning) =>
        Read(json).ShouldBe(new TokenCounts(input, cacheRead, cacheWrite, output, reasoning));

    [Theory]
    [InlineData("prompt", "completion")]
    [InlineData("input", "output")]
    public void Sound_and_pictures_are_classes_of_their_own(string input, string output)
    {
        var json = """
            {"IN_tokens":100,"OUT_tokens":60,"total_tokens":160,
            "IN_tokens_details":{"cached_tokens":30,"audio_tokens":50,"image_tokens":5,"text_tokens":45},
            "OUT_tokens_details":{"reasoning_tokens":10,"audio_tokens":40,"text_tokens":10}}
            """;
        var counts = Read(json.Replace("IN", input, StringComparison.Ordinal).Replace("OUT", output, StringComparison.Ordinal));
        counts.ShouldBe(new TokenCounts(15, 30, 0, 10, 10) { AudioInput = 50, ImageInput = 5, AudioOutput = 40 });
        counts!.Value.AllInput.ShouldBe(100);
        counts.Value.AllOutput.ShouldBe(60);
    }

    [Fact]
    public void What_is_cached_and_heard_counts_as_heard_and_what_is_more_than_its_whole_stands_beside_it()
    {
        Read("""{"prompt_tokens":100,"completion_tokens":1,"prompt_tokens_details":{"cached_tokens":80,"audio_tokens":70}}""")
            .ShouldBe(new TokenCounts(0, 30, 0, 1, 0) { AudioInput = 70 });
        Read("""{"prompt_tokens":10,"completion_tokens":1,"prompt_tokens_details":{"audio_tokens":70},"completion_tokens_details":{"audio_tokens":5}}""")
            .ShouldBe(new TokenCounts(10, 0, 0, 1, 0) { AudioInput = 70, AudioOutput = 5 });
    }

    [Theory]
    [InlineData("3", 3L)]
    [InlineData("3.2", 4L)]
    [InlineData("0", 0L)]
    [InlineData("1e99", null)]
    [InlineData("-1", null)]
    public void A_recording_is_billed_by_begun_seconds(string seconds, long? heard) =>
        Read($$"""{"type":"duration","seconds":{{seconds}}}""").ShouldBe(heard is { } whole ? new TokenCounts { Seconds = whole } : null);

    /// <summary>A provider that lies or is broken is one that said nothing: a bill is whole numbers that can be.</summary>
    [Theory]
    [InlineData("-5")]
    [InlineData("1e300")]
    [InlineData("1.5")]
    [InlineData("\"12\"")]
    [InlineData("true")]
    [InlineData("[]")]
    [InlineData("{}")]
    [InlineData("9223372036854775808")]
    [InlineData("1000000000001")]
    public void A_count_that_cannot_be_makes_the_usage_no_usage(string count)
    {
        Read($$"""{"prompt_tokens":{{count}},"completion_tokens":4}""").ShouldBeNull();
        Read($$"""{"prompt_tokens":4,"completion_tokens":{{count}}}""").ShouldBeNull();
        Read($$"""{"prompt_tokens":4,"completion_tokens":4,"prompt_tokens_details":{"x":1,"audio_tokens":{{count}} } }""").ShouldBeNull();
    }

    [Theory]
    [InlineData("null")]
    [InlineData("{}")]
    [InlineData("7")]
    [InlineData("[]")]
    [InlineData("""{"prompt_tokens":null,"completion_tokens":null}""")]
    [InlineData("""{"completion_tokens":4}""")]
    [InlineData("""{"prompt_tokens":-1,"completion_tokens":4}""")]
    [InlineData("""{"prompt_tokens":"10","completion_tokens":4}""")]
    [InlineData("""{"prompt_tokens":1.5,"completion_tokens":4}""")]
    [InlineData("""{"prompt_tokens":1000000000001,"completion_tokens":4}""")]
    [InlineData("""{"prompt_tokens":9e99,"completion_tokens":4}""")]
    [InlineData("""{"prompt_tokens":[],"completion_tokens":{}}""")]
    public void What_tells_no_counts_is_not_zero(string json) => Read(json).ShouldBeNull();

    [Fact]
    public void An_answer_in_one_piece_gives_usage_and_sizes()
    {
        var answer = ChatAnswer.Read(Bytes.Whole("""
            {"id":"x","choices":[{"index":0,"message":{"role":"assistant","content":"abcd\n","tool_calls":[{"id":"call","type":"function",
            "function":{"name":"f","arguments":"{}"}}]},"finish_reason":"tool_calls"}],"usage":{"prompt_tokens":1,"completion_tokens":2}}
            """));
        answer.ShouldBe(new AnswerFacts(new TokenCounts(1, 0, 0, 2, 0), "tool_calls", 8, true));
        ChatAnswer.Read(Bytes.Whole("<html>")).IsJson.ShouldBeFalse();
        ChatAnswer.Read(Bytes.Whole("{} x")).IsJson.ShouldBeFalse();
    }

    [Fact]
    public void Nothing_that_a_provider_sends_throws()
    {
        var sample = Encoding.UTF8.GetBytes(
            """{"choices":[{"message":{"content":"a\u00e9"},"finish_reason":"stop"}],"usage":{"prompt_tokens":1}}""");
        Prop.ForAll(ArbMap.Default.ArbFor<byte[]>(), ArbMap.Default.ArbFor<int>(), (noise, place) =>
        {
            var at = Math.Abs(place % sample.Length);
            byte[] body = [.. sample[..at], .. noise, .. sample[at..]];
            ChatAnswer.Read(Bytes.Cut(body, 3)).TextBytes.ShouldBeGreaterThanOrEqualTo(0);
        }).Check(Config.QuickThrowOnFailure.WithMaxTest(1_000));
    }
}
