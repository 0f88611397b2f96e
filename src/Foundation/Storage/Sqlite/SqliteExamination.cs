using Microsoft.Data.Sqlite;

namespace Crew.Storage;

/// <summary>What an operator should know about an SQLite database.</summary>
internal static class SqliteExamination
{
    private const int ClockSlackSeconds = 60;

    public static IReadOnlyList<StoreFinding> Run(SqliteConnection connection, string folder, DateTimeOffset now)
    {
        const string name = "sqlite_integrity";
        string answer;
        long latest = 0;
        try
        {
            answer = (string)Scalar(connection, "PRAGMA quick_check(1)");
            latest = (long)Scalar(connection, "SELECT coalesce(max(at), 0) FROM storage_changes");
        }
        catch (SqliteException error)
        {
            answer = $"SQLite error {error.SqliteErrorCode}";
        }

        return
        [
            .. Sizes(connection, folder, now),
            .. Retention(connection, now),
            answer == "ok"
                ? new StoreFinding(name, FindingLevel.Ok, "SQLite's quick check finds no damage.")
                : new StoreFinding(name, FindingLevel.Failed, $"SQLite's quick check finds damage: {answer}.",
                    "Stop the server, keep the folder for an examination, and restore the last backup into an empty folder with crew restore."),
            latest <= now.AddSeconds(ClockSlackSeconds).ToUnixTimeMilliseconds()
                ? new StoreFinding("clock", FindingLevel.Ok, "The clock is not behind the latest change.")
                : new StoreFinding("clock", FindingLevel.Failed,
                    $"The clock says {now:yyyy-MM-dd HH:mm:ss}Z, but the latest change was made at {DateTimeOffset.FromUnixTimeMilliseconds(latest):yyyy-MM-dd HH:mm:ss}Z.",
                    "Set the clock of this machine right, and keep it so with NTP (for example chrony or systemd-timesyncd)."),
        ];
    }

    /// <summary>Nothing for a damaged file: its damage is the finding.</summary>
    private static IEnumerable<StoreFinding> Sizes(SqliteConnection connection, string folder, DateTimeOffset now)
    {
        try
        {
            var reusable = (long)Scalar(connection, "SELECT freelist_count * page_size FROM pragma_freelist_count(), pragma_page_size()");
            return [SizeForecast.Of(SqliteSizes.Read(connection, now), new DriveInfo(folder).AvailableFreeSpace + reusable, now)];
        }
        catch (SqliteException)
        {
            return [];
        }
    }

    /// <summary>Nothing before the schema has it.</summary>
    private static IEnumerable<StoreFinding> Retention(SqliteConnection connection, DateTimeOffset now)
    {
        try
        {
            return RetentionClock.Examine(Scalar(connection, "SELECT max(trusted_at) FROM storage_clock") as long?, now);
        }
        catch (SqliteException)
        {
            return [];
        }
    }

    private static object Scalar(SqliteConnection connection, string sql)
    {
        using var command = connection.CreateCommand();
        command.CommandText = sql;
        command.CommandTimeout = 0;
        return command.ExecuteScalar()!;
    }
}
