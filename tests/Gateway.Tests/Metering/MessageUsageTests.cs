using System.Text;
using System.Text.Json;
using Crew.Gateway.Dialects.Anthropic;
using Crew.Gateway.Metering;
using Shouldly;
using Xunit;

namespace Crew.Gateway.Tests.Metering;

/// <summary>The usage of the Anthropic dialect over a stream, also from servers that only look like it.</summary>
public sealed class MessageUsageTests
{
    private static TokenCounts? After(params string[] objects)
    {
        var usage = default(MessageUsage);
        foreach (var json in objects)
        {
            var reader = new Utf8JsonReader(Encoding.UTF8.GetBytes(json));
            reader.Read();
            usage.Take(ref reader);
        }

        return usage.ToCounts();
    }

    /// <summary>Some count what the cache served into the input at the beginning, and beside it at the end.</summary>
    [Fact]
    [Trait("Trap", "7")]
    [Trait("Trap", "8")]
    public void The_last_word_of_each_class_counts_and_nothing_is_added()
    {
        After("""{"input_tokens":1000,"cache_read_input_tokens":800,"output_tokens":1}""", """{"input_tokens":200,"cache_read_input_tokens":800,"output_tokens":50}""")
            .ShouldBe(new TokenCounts(200, 800, 0, 50, 0));
        After("""{"input_tokens":10,"cache_creation_input_tokens":7,"cache_creation":{"ephemeral_5m_input_tokens":3,"ephemeral_1h_input_tokens":4},"output_tokens":1}""",
            """{"output_tokens":5}""", """{"output_tokens":9,"output_tokens_details":{"thinking_tokens":6}}""")
            .ShouldBe(new TokenCounts(10, 0, 7, 3, 6) { LongCacheWrite = 4 });
    }

    [Theory]
    [InlineData("-1")]
    [InlineData("1.5")]
    [InlineData("\"9\"")]
    [InlineData("1e99")]
    [InlineData("{}")]
    public void A_count_that_cannot_be_makes_the_whole_usage_none(string count)
    {
        After($$"""{"input_tokens":{{count}},"output_tokens":1}""", """{"output_tokens":2}""").ShouldBeNull();
        After("""{"input_tokens":1,"output_tokens":1}""", $$"""{"output_tokens":{{count}}}""").ShouldBeNull();
    }
}
