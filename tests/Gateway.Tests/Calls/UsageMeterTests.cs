using Crew.Gateway.Calls;
using Crew.Testing;
using Shouldly;
using Xunit;

namespace Crew.Gateway.Tests.Calls;

public sealed class UsageMeterTests
{
    private readonly FakeClock _clock = new();

    [Fact]
    public async Task A_minute_is_used_up_and_the_next_begins_anew()
    {
        var meter = new UsageMeter(_clock);
        (await meter.EnterAsync(100, null, 60, false)).TokensLeft.ShouldBe(40);
        (await meter.EnterAsync(100, null, 60, false)).Exhausted.ShouldBeNull("what was counted before is below the limit");
        var refused = await meter.EnterAsync(100, null, 1, false);
        refused.Exhausted.ShouldBe(UsageMeter.Tokens);
        refused.RetryAfterSeconds.ShouldBe(60);
        meter.Correct(-50, 0);
        (await meter.EnterAsync(100, null, 30, false)).Exhausted.ShouldBeNull();
        (await meter.EnterAsync(100, null, 1, false)).Exhausted.ShouldNotBeNull();
        _clock.Advance(TimeSpan.FromMinutes(1));
        (await meter.EnterAsync(100, null, 1, false)).TokensLeft.ShouldBe(99);
    }

    [Fact]
    public async Task Streams_count_while_they_are_open_and_across_minutes()
    {
        var meter = new UsageMeter(_clock);
        (await meter.EnterAsync(null, 1, 0, true)).Exhausted.ShouldBeNull();
        _clock.Advance(TimeSpan.FromMinutes(8));
        (await meter.EnterAsync(null, 1, 0, true)).Exhausted.ShouldBe(UsageMeter.Streams);
        (await meter.EnterAsync(null, 1, 0, false)).Exhausted.ShouldBeNull("not a stream");
        meter.IsIdle(long.MaxValue).ShouldBeFalse();
        meter.Correct(0, -1);
        (await meter.EnterAsync(null, 1, 0, true)).Exhausted.ShouldBeNull();
    }

    [Fact]
    public async Task A_stream_whose_client_left_counts_until_its_provider_has_ended_it()
    {
        var meter = new UsageMeter(_clock);
        var ticket = new UsageTicket(0, true);
        await ticket.EnterAsync(meter, null, 1);
        ticket.Hold();
        ticket.Dispose();
        (await meter.EnterAsync(null, 1, 0, true)).Exhausted.ShouldBe(UsageMeter.Streams);
        ticket.Dispose();
        (await meter.EnterAsync(null, 1, 0, true)).Exhausted.ShouldBeNull();
    }

    [Fact]
    public async Task A_correction_below_nothing_is_nothing()
    {
        var meter = new UsageMeter(_clock);
        meter.Correct(-5, 0);
        (await meter.EnterAsync(10, null, 0, false)).TokensLeft.ShouldBe(10);
    }
}
