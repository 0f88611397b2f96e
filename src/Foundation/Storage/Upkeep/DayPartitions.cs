using System.Globalization;
using Microsoft.EntityFrameworkCore;

namespace Crew.Storage;

/// <summary>
/// The day partitions of append tables on PostgreSQL: every table that is partitioned (by its column <c>at</c>) has one for each day
/// from yesterday to some days ahead. What fell into a table's default partition meanwhile moves to a day of its own. SQLite has none.
/// </summary>
public static class DayPartitions
{
    private const string Tables = """
        SELECT c.relname::text AS "Value" FROM pg_partitioned_table p JOIN pg_class c ON c.oid = p.partrelid ORDER BY 1
        """;

    /// <summary>Makes what is missing, one day in one transaction. The answer is how many rows moved out of default partitions.</summary>
    public static async Task<long> MakeAsync(ExpiryRun run, int daysAhead, CancellationToken cancel)
    {
        if (run.Store.Dialect == "sqlite")
        {
            return 0;
        }

        long moved = 0;
        foreach (var table in await run.Store.ReadAsync(SystemJob.Expiry, db => db.Database.SqlQueryRaw<string>(Tables).ToListAsync(cancel), cancel))
        {
            var missing = await run.Store.ReadAsync(SystemJob.Expiry,
                db => db.Database.SqlQuery<DateOnly>($"SELECT d AS \"Value\" FROM storage_missing_days({table}, {daysAhead}) d ORDER BY 1").ToListAsync(cancel), cancel);
            foreach (var day in missing)
            {
                moved += await run.ChangeAsync(async db =>
                    (await db.Database.SqlQuery<long>($"SELECT storage_make_day({table}, {day}) AS \"Value\"").ToListAsync(cancel)).Single(), cancel);
            }
        }

        return moved;
    }

    /// <summary>The days of a table that have a partition and are over before the given moment (milliseconds since 1970), oldest first.</summary>
    public static async Task<IReadOnlyList<DateOnly>> BeforeAsync(Store store, string table, long beforeMs, CancellationToken cancel)
    {
        if (store.Dialect == "sqlite")
        {
            return [];
        }

        var last = DateOnly.FromDateTime(DateTimeOffset.FromUnixTimeMilliseconds(beforeMs).UtcDateTime);
        var names = await store.ReadAsync(SystemJob.Expiry, db => db.Database.SqlQuery<string>($"""
            SELECT right(c.relname::text, 8) AS "Value" FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
            WHERE i.inhparent = {table}::regclass AND c.relname ~ '_[0-9][0-9][0-9][0-9][0-9][0-9][0-9][0-9]$' ORDER BY 1
            """).ToListAsync(cancel), cancel);
        return [.. names.Select(n => DateOnly.ParseExact(n, "yyyyMMdd", CultureInfo.InvariantCulture)).Where(day => day < last)];
    }

    /// <summary>Drops one day, in the current transaction. The caller knows that every row of it has expired.</summary>
    public static Task DropAsync(Db db, string table, DateOnly day, CancellationToken cancel) =>
        db.Database.ExecuteSqlAsync($"SELECT storage_drop_day({table}, {day})", cancel);

    /// <summary>Drops one day when nothing is left in it, in the current transaction; the answer is whether it is gone.</summary>
    public static async Task<bool> DropEmptyAsync(Db db, string table, DateOnly day, CancellationToken cancel) =>
        (await db.Database.SqlQuery<bool>($"SELECT storage_drop_empty_day({table}, {day}) AS \"Value\"").ToListAsync(cancel)).Single();

    /// <summary>The first moment of a day, in milliseconds since 1970.</summary>
    public static long StartOf(DateOnly day) => new DateTimeOffset(day.ToDateTime(TimeOnly.MinValue), TimeSpan.Zero).ToUnixTimeMilliseconds();
}
