using System.Text;
using Crew.Gateway.Dialects.OpenAi;
using Shouldly;
using Xunit;

namespace Crew.Gateway.Tests.Dialects;

public sealed class ChatTextTests
{
    [Fact]
    public void A_chunk_that_breaks_counts_for_what_could_be_read_of_it() =>
        ChatText.OfDeltas("""{"choices":[{"delta":{"content":"four"}},{"delta":{"content":"lost"x}}]}"""u8).ShouldBe(4);

    [Theory]
    [InlineData("\"delta\":{x")]
    [InlineData("\"delta\":{\"a\":")]
    public void A_chunk_that_breaks_a_hundred_thousand_times_costs_one_exception(string broken)
    {
        var chunk = Encoding.UTF8.GetBytes(string.Concat(Enumerable.Repeat(broken, 1_000_000 / broken.Length)));
        var clock = TimeProvider.System;
        var begun = clock.GetTimestamp();
        ChatText.OfDeltas(chunk).ShouldBe(0);
        clock.GetElapsedTime(begun).ShouldBeLessThan(TimeSpan.FromMilliseconds(500));
    }
}
