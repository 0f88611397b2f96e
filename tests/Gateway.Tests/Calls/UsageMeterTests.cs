using Crew.Gateway.Calls;
using Shouldly;
using Xunit;

namespace Crew.Gateway.Tests.Calls;

public sealed class UsageMeterTests
{
    [Fact]
    public void A_minute_is_used_up_and_the_next_begins_anew()
    {
        var meter = new UsageMeter();
        meter.TryEnter(100, null, 60, false, 1).ShouldBeNull();
        meter.TryEnter(100, null, 60, false, 1).ShouldBeNull("what was counted before is below the limit");
        meter.TryEnter(100, null, 1, false, 1).ShouldBe(UsageMeter.Tokens);
        meter.Correct(-50, 0, 1);
        meter.TryEnter(100, null, 30, false, 1).ShouldBeNull();
        meter.TryEnter(100, null, 1, false, 2).ShouldBeNull();
        meter.TokensIn(2).ShouldBe(1);
    }

    [Fact]
    public void Streams_count_while_they_are_open_and_across_minutes()
    {
        var meter = new UsageMeter();
        meter.TryEnter(null, 1, 0, true, 1).ShouldBeNull();
        meter.TryEnter(null, 1, 0, true, 9).ShouldBe(UsageMeter.Streams);
        meter.TryEnter(null, 1, 0, false, 9).ShouldBeNull("not a stream");
        meter.IsIdle(9).ShouldBeFalse();
        meter.Correct(0, -1, 9);
        meter.TryEnter(null, 1, 0, true, 9).ShouldBeNull();
    }

    [Fact]
    public void A_correction_below_nothing_is_nothing()
    {
        var meter = new UsageMeter();
        meter.Correct(-5, 0, 1);
        meter.TokensIn(1).ShouldBe(0);
    }
}
