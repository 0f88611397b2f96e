using Shouldly;
using Xunit;

namespace Crew.Testing.Tests;

public sealed class FakeClockTests
{
    [Fact]
    public void Timers_fire_in_order_and_see_their_own_due_time()
    {
        var clock = new FakeClock();
        var start = clock.GetUtcNow();
        var fired = new List<(string Name, TimeSpan At)>();
        void Note(object? name) => fired.Add(((string)name!, clock.GetUtcNow() - start));
        using var late = clock.CreateTimer(Note, "late", TimeSpan.FromSeconds(5), Timeout.InfiniteTimeSpan);
        using var soon = clock.CreateTimer(Note, "soon", TimeSpan.FromSeconds(2), TimeSpan.FromSeconds(2));

        clock.Advance(TimeSpan.FromSeconds(5));

        fired.ShouldBe([("soon", TimeSpan.FromSeconds(2)), ("soon", TimeSpan.FromSeconds(4)), ("late", TimeSpan.FromSeconds(5))]);
        clock.GetUtcNow().ShouldBe(start + TimeSpan.FromSeconds(5));
        clock.GetElapsedTime(0).ShouldBe(TimeSpan.FromSeconds(5));
    }

    [Fact]
    public async Task A_delay_ends_when_the_test_moves_the_clock()
    {
        var clock = new FakeClock();
        var delay = Task.Delay(TimeSpan.FromHours(1), clock, TestContext.Current.CancellationToken);
        clock.Advance(TimeSpan.FromMinutes(59));
        delay.IsCompleted.ShouldBeFalse();
        clock.Advance(TimeSpan.FromMinutes(1));
        await delay.WaitAsync(TimeSpan.FromSeconds(5), TestContext.Current.CancellationToken);
    }

    [Fact]
    public void A_disposed_timer_stays_silent()
    {
        var clock = new FakeClock();
        var fired = 0;
        clock.CreateTimer(_ => fired++, null, TimeSpan.FromSeconds(1), Timeout.InfiniteTimeSpan).Dispose();
        clock.Advance(TimeSpan.FromSeconds(2));
        fired.ShouldBe(0);
        clock.PendingTimers.ShouldBe(0);
    }
}
