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
