namespace Crew.Http.Tests;

/// <summary>A node's portion of a shared rate limit, without the database.</summary>
public sealed class RateLeaseTests
{
    [Fact]
    public async Task A_busy_node_that_is_asked_again_and_again_keeps_nothing_while_another_one_would_refuse()
    {
        const int limit = 1_000;
        var (clock, asked) = (new ManualClock(), 0);
        var lease = new RateLease("ws_1", _ => asked++, clock);
        var first = lease.TakeAsync(limit).AsTask();
        lease.Draw().Want.ShouldBeGreaterThan(0);
        lease.Answer(new RateGrant("ws_1", 7, 50_000, 500, 1_200, 2), clock.GetTimestamp());
        (await first).Value.Allowed.ShouldBeTrue();
        var (used, back) = (1L, 0L);

        // Eight questions, 25 ms apart, come before the other node refuses; this one is in use all the time.
        for (var recall = 0; recall < 8; recall++)
        {
            clock.Milliseconds += 25;
            var taking = lease.TakeAsync(limit).AsTask();
            used += taking.IsCompleted && (await taking).Value.Allowed ? 1 : 0;
            lease.Tidy(isShort: true);
            back += lease.Draw().Back;
        }

        (used + back).ShouldBe(500, "nothing is left here");
    }

    private sealed class ManualClock : TimeProvider
    {
        public long Milliseconds { get; set; } = 1_000;

        public override long TimestampFrequency => 1_000;

        public override long GetTimestamp() => Milliseconds;
    }
}
