using Microsoft.Extensions.Logging.Abstractions;

namespace Crew.Http.Tests;

public sealed class ClockWatchTests
{
    [Theory]
    [InlineData(3_600)]
    [InlineData(-3_600)]
    [Trait("Trap", "28")]
    public async Task A_jump_of_the_wall_clock_is_noticed_and_counted(int seconds)
    {
        var clock = new SetClock();
        var metrics = new Metrics();
        var conditions = new Conditions(metrics, NullLogger<Conditions>.Instance);
        using var watch = new ClockWatch(conditions, metrics, clock);
        await watch.StartAsync(TestContext.Current.CancellationToken);
        await UntilAsync(conditions, "ok");
        clock.Offset = TimeSpan.FromSeconds(seconds);
        await UntilAsync(conditions, "jumped");
        conditions.All.Single().Level.ShouldBe(ConditionLevel.Degraded);
        metrics.Render().ShouldContain("crew_clock_jumps 1\n");
        metrics.Render().ShouldContain("crew_condition_level{name=\"clock\"} 1\n");
        await watch.StopAsync(CancellationToken.None);
    }

    private static async Task UntilAsync(Conditions conditions, string state)
    {
        while (conditions.All.SingleOrDefault()?.State != state)
        {
            await Task.Delay(20, TestContext.Current.CancellationToken);
        }
    }

    /// <summary>A wall clock that is set while monotonic time goes on evenly.</summary>
    private sealed class SetClock : TimeProvider
    {
        private long _offset;

        public TimeSpan Offset { set => Volatile.Write(ref _offset, value.Ticks); }

        public override DateTimeOffset GetUtcNow() => base.GetUtcNow() + TimeSpan.FromTicks(Volatile.Read(ref _offset));
    }
}
