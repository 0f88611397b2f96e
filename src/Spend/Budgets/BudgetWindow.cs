namespace Crew.Spend;

/// <summary>How long a budget's amount lasts before it starts anew. All windows are in UTC; weeks start on Monday.</summary>
internal enum BudgetWindow
{
    Day,
    Week,
    Month,
    Total,
}

/// <summary>One window in milliseconds since 1970: the start belongs to it, the end does not.</summary>
internal readonly record struct WindowSpan(long StartMs, long EndMs)
{
    /// <summary>When a full budget admits again; null when it never does by itself.</summary>
    public DateTimeOffset? ResetsAt => EndMs == long.MaxValue ? null : DateTimeOffset.FromUnixTimeMilliseconds(EndMs);
}

internal static class BudgetWindows
{
    public static string ToName(this BudgetWindow window) => window switch
    {
        BudgetWindow.Day => "day",
        BudgetWindow.Week => "week",
        BudgetWindow.Month => "month",
        _ => "total",
    };

    public static bool TryParse(string? name, out BudgetWindow window)
    {
        (window, var found) = name switch
        {
            "day" => (BudgetWindow.Day, true),
            "week" => (BudgetWindow.Week, true),
            "month" => (BudgetWindow.Month, true),
            "total" => (BudgetWindow.Total, true),
            _ => (default, false),
        };
        return found;
    }

    /// <summary>The window that a moment falls into.</summary>
    public static WindowSpan At(this BudgetWindow window, long nowMs)
    {
        if (window == BudgetWindow.Total)
        {
            return new WindowSpan(0, long.MaxValue);
        }

        var day = DateTimeOffset.FromUnixTimeMilliseconds(nowMs).UtcDateTime.Date;
        var (start, end) = window switch
        {
            BudgetWindow.Day => (day, day.AddDays(1)),
            BudgetWindow.Week => (Monday(day), Monday(day).AddDays(7)),
            _ => (new DateTime(day.Year, day.Month, 1), new DateTime(day.Year, day.Month, 1).AddMonths(1)),
        };
        return new WindowSpan(Milliseconds(start), Milliseconds(end));
    }

    private static DateTime Monday(DateTime day) => day.AddDays(-(((int)day.DayOfWeek + 6) % 7));

    private static long Milliseconds(DateTime utc) => new DateTimeOffset(utc, TimeSpan.Zero).ToUnixTimeMilliseconds();
}
