namespace Crew.Http.Tests;

/// <summary>The rate limit of one subject as a function of time.</summary>
public sealed class RateWindowTests
{
    private const int Limit = 10;
    private const int Burst = 2;

    /// <summary>A moment at the start of a window.</summary>
    private const long Start = 1_800_000_000;

    [Fact]
    public void Requests_up_to_the_limit_pass_and_count_down()
    {
        var window = new RateWindow();
        Enumerable.Range(0, Limit).Select(_ => window.Take(Limit, Start)).Select(d => (d.Allowed, d.Remaining))
            .ShouldBe(Enumerable.Range(0, Limit).Select(n => (true, Limit - 1 - n)));
    }

    [Fact]
    public void A_fifth_more_passes_as_a_burst_and_then_nothing()
    {
        var window = new RateWindow();
        Passed(window, Start, 50).ShouldBe(Limit + Burst);
        var refused = window.Take(Limit, Start + 17);
        refused.Allowed.ShouldBeFalse();
        refused.Remaining.ShouldBe(0);
        refused.RetryAfterSeconds.ShouldBe(43);
        refused.ResetUnixSeconds.ShouldBe(Start + 60);
    }

    [Fact]
    public void The_next_window_has_the_limit_again_but_not_the_burst()
    {
        var window = new RateWindow();
        Passed(window, Start, 50).ShouldBe(Limit + Burst);
        Passed(window, Start + 60, 50).ShouldBe(Limit);
        Passed(window, Start + 120, 50).ShouldBe(Limit);
    }

    [Fact]
    public void A_window_within_the_limit_gives_the_burst_back()
    {
        var window = new RateWindow();
        Passed(window, Start, 50).ShouldBe(Limit + Burst);
        Passed(window, Start + 60, Limit).ShouldBe(Limit);
        Passed(window, Start + 120, 50).ShouldBe(Limit + Burst);
    }

    [Fact]
    public void A_window_in_silence_gives_the_burst_back()
    {
        var window = new RateWindow();
        Passed(window, Start, 50).ShouldBe(Limit + Burst);
        Passed(window, Start + 120, 50).ShouldBe(Limit + Burst);
    }

    [Fact]
    public void A_part_of_the_burst_that_was_not_used_is_there_later()
    {
        var window = new RateWindow();
        Passed(window, Start, Limit + 1).ShouldBe(Limit + 1);
        Passed(window, Start + 60, 50).ShouldBe(Limit + Burst - 1);
    }

    [Fact]
    public void Windows_begin_at_whole_minutes()
    {
        var window = new RateWindow();
        window.Take(Limit, Start + 59).ResetUnixSeconds.ShouldBe(Start + 60);
        window.Take(Limit, Start + 59).RetryAfterSeconds.ShouldBe(1);
        window.Take(Limit, Start + 60).Remaining.ShouldBe(Limit - 1);
    }

    [Fact]
    public void A_limit_below_five_has_no_burst() => Passed(new RateWindow(), Start, 20, limit: 4).ShouldBe(4);

    [Fact]
    public void A_limit_that_is_lowered_takes_effect_at_once()
    {
        var window = new RateWindow();
        Passed(window, Start, 8, limit: 100).ShouldBe(8);
        Passed(window, Start, 20, limit: 5).ShouldBe(1);
    }

    [Fact]
    public void Many_threads_together_get_no_more_than_one()
    {
        var window = new RateWindow();
        var passed = 0;
        Parallel.For(0, 10_000, _ => Interlocked.Add(ref passed, window.Take(1_000, Start).Allowed ? 1 : 0));
        passed.ShouldBe(1_200);
    }

    private static int Passed(RateWindow window, long at, int requests, int limit = Limit) =>
        Enumerable.Range(0, requests).Count(_ => window.Take(limit, at).Allowed);
}
