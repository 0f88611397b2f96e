using System.Globalization;

namespace Crew.Spend.Tests;

public sealed class BudgetWindowTests
{
    [Theory]
    [InlineData("day", "2026-11-04T23:59:59.999Z", "2026-11-04", "2026-11-05")]
    [InlineData("day", "2026-11-05T00:00:00.000Z", "2026-11-05", "2026-11-06")]
    [InlineData("day", "2028-02-28T12:00:00.000Z", "2028-02-28", "2028-02-29")]
    [InlineData("week", "2026-11-08T23:59:59.999Z", "2026-11-02", "2026-11-09")]
    [InlineData("week", "2026-11-09T00:00:00.000Z", "2026-11-09", "2026-11-16")]
    [InlineData("week", "2027-01-01T00:00:00.000Z", "2026-12-28", "2027-01-04")]
    [InlineData("month", "2026-11-30T23:59:59.999Z", "2026-11-01", "2026-12-01")]
    [InlineData("month", "2026-12-31T23:59:59.999Z", "2026-12-01", "2027-01-01")]
    [InlineData("month", "2028-02-29T12:00:00.000Z", "2028-02-01", "2028-03-01")]
    [InlineData("month", "2027-02-28T23:59:59.999Z", "2027-02-01", "2027-03-01")]
    [Trait("Trap", "20")]
    public void A_window_begins_and_ends_at_midnight_in_utc(string name, string at, string start, string end)
    {
        BudgetWindows.TryParse(name, out var window).ShouldBeTrue();
        window.ToName().ShouldBe(name);
        window.At(Ms(at)).ShouldBe(new WindowSpan(Ms(start + "T00:00:00.000Z"), Ms(end + "T00:00:00.000Z")));
    }

    [Fact]
    public void A_total_budget_never_resets()
    {
        var span = BudgetWindow.Total.At(Ms("2026-11-04T00:00:00.000Z"));
        span.ShouldBe(new WindowSpan(0, long.MaxValue));
        span.ResetsAt.ShouldBeNull();
    }

    [Fact]
    public void An_unknown_window_is_refused() => BudgetWindows.TryParse("year", out _).ShouldBeFalse();

    [Fact]
    public void Windows_follow_one_another_without_gap_over_ten_years()
    {
        foreach (var window in new[] { BudgetWindow.Day, BudgetWindow.Week, BudgetWindow.Month })
        {
            var span = window.At(Ms("2024-01-01T00:00:00.000Z"));
            while (span.EndMs < Ms("2034-01-01T00:00:00.000Z"))
            {
                window.At(span.EndMs - 1).ShouldBe(span);
                var next = window.At(span.EndMs);
                next.StartMs.ShouldBe(span.EndMs);
                DateTimeOffset.FromUnixTimeMilliseconds(next.StartMs).TimeOfDay.ShouldBe(TimeSpan.Zero);
                span = next;
            }
        }
    }

    private static long Ms(string text) => DateTimeOffset.Parse(text, CultureInfo.InvariantCulture).ToUnixTimeMilliseconds();
}
