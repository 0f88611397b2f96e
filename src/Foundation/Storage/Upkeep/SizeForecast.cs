using System.Globalization;

namespace Crew.Storage;

/// <summary>An append table now, and how much came to it of late.</summary>
/// <param name="Bytes">With its indexes.</param>
/// <param name="RecentRows">Rows of the last seven days.</param>
/// <param name="OldestMs">The time of its oldest row; null when it is empty.</param>
internal sealed record TableSize(string Name, long Rows, long Bytes, long RecentRows, long? OldestMs)
{
    /// <summary>Rows a day, by the last days; what is younger than an hour counts as an hour.</summary>
    public double RowsPerDay(DateTimeOffset now) => OldestMs is not { } oldest ? 0
        : RecentRows / Math.Clamp((now.ToUnixTimeMilliseconds() - oldest) / 86_400_000.0, 1.0 / 24, SizeForecast.Days);

    public double BytesPerDay(DateTimeOffset now) => Rows == 0 ? 0 : RowsPerDay(now) * Bytes / Rows;
}

/// <summary>How large the append tables are, how fast they grow, and how long the disk lasts.</summary>
internal static class SizeForecast
{
    public const int Days = 7;
    private const double Mebibyte = 1 << 20;
    private const int WarnDays = 30;
    private const int FailDays = 3;

    /// <param name="freeBytes">Free room of the disk; null where it cannot be seen.</param>
    public static StoreFinding Of(IReadOnlyList<TableSize> tables, long? freeBytes, DateTimeOffset now)
    {
        const string name = "size_forecast";
        var parts = tables.OrderByDescending(t => t.Bytes).Select(t => string.Create(CultureInfo.InvariantCulture,
            $"{t.Name} {t.Rows} rows, {t.Bytes / Mebibyte:0.0} MiB, {t.RowsPerDay(now):0} rows ({t.BytesPerDay(now) / Mebibyte:0.0} MiB) a day"));
        var perDay = tables.Sum(t => t.BytesPerDay(now));
        var message = string.Create(CultureInfo.InvariantCulture, $"{string.Join("; ", parts)}. Together {perDay / Mebibyte:0.0} MiB a day, before what retention removes");
        if (freeBytes is not { } free)
        {
            return new(name, FindingLevel.Ok, $"{message}. The free room of PostgreSQL's disk cannot be seen from here: watch it there.");
        }

        if (perDay < 1)
        {
            return new(name, FindingLevel.Ok, $"{message}.");
        }

        var days = free / perDay;
        message = string.Create(CultureInfo.InvariantCulture, $"{message}: the {free / Mebibyte:0} MiB that are free last {(days > 3_650 ? "more than ten years" : $"{days:0} days")}.");
        return days >= WarnDays ? new(name, FindingLevel.Ok, message)
            : new(name, days < FailDays ? FindingLevel.Failed : FindingLevel.Warning, message,
                "Give the database a larger disk, or shorten settings.retention of the workspaces (request_days first).");
    }
}
