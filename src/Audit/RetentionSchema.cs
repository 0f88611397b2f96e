using System.Text.Json;
using Crew.Storage;
using Microsoft.EntityFrameworkCore;

namespace Crew.Audit;

/// <summary>A record whose retention is over, and its place in the pass over the table: position or time.</summary>
internal sealed record ExpiredRecord(string Id, long Mark);

/// <summary>The schema steps of retention: day partitions made and dropped, expired records found and removed.</summary>
internal static class RetentionSchema
{
    private const long PartitionLock = 0x6372_6577_0003;

    private const string IsExpired = """
        r.at < {1} AND (r.at < {2} OR r.event_type IN ('api_key.used', 'token.used'))
        AND (r.at < {3} OR r.event_type NOT IN ('api_key.used', 'token.used'))
        AND EXISTS (SELECT 1 FROM audit_leaves l WHERE l.record_id = r.id)
        """;

    private const string ByPosition =
        $$"""SELECT r.id AS "Id", r.position AS "Mark" FROM audit_records r WHERE r.position > {0} AND {{IsExpired}} ORDER BY r.position LIMIT {4}""";

    private const string ByTime =
        $$"""SELECT r.id AS "Id", r.at AS "Mark" FROM audit_records r WHERE r.at >= {0} AND {{IsExpired}} ORDER BY r.at LIMIT {4}""";

    /// <summary>PostgreSQL only. Another node that is at it right now is left to it.</summary>
    public static Task MakeDaysAsync(Db db, int daysAhead, CancellationToken cancel) => db.Database.ExecuteSqlAsync(
        $"SELECT storage_partitions('audit_records', {daysAhead}) WHERE pg_try_advisory_xact_lock({PartitionLock})", cancel);

    /// <summary>PostgreSQL only: whole days go by their partition, unless a record from before has no leaf yet.</summary>
    public static async Task DropDaysAsync(Db db, long before, CancellationToken cancel)
    {
        // Two statements: what a statement is reading cannot be dropped by it.
        var settled = (await db.Database.SqlQuery<bool>(
            $"""
            SELECT NOT EXISTS (SELECT FROM audit_records r, audit_sequencer s WHERE r.at < {before} AND (r.xid, r.id) > (s.xid, s.record_id)) AS "Value"
            """).ToListAsync(cancel)).Single();
        if (settled)
        {
            await db.Database.ExecuteSqlAsync($"SELECT audit_drop_days({before})", cancel);
        }
    }

    /// <summary>The next expired records that have their leaf, oldest first: behind a position, or from a time on.</summary>
    public static Task<List<ExpiredRecord>> FindAsync(Db db, bool sqlite, long after, long usesBefore, long restBefore, int most, CancellationToken cancel) =>
        db.Database.SqlQueryRaw<ExpiredRecord>(sqlite ? ByPosition : ByTime, after, Math.Max(usesBefore, restBefore), restBefore, usesBefore, most)
            .ToListAsync(cancel);

    /// <summary>Removes one step's records. Their marks span a narrow range; their ids say which of it have expired.</summary>
    public static Task RemoveAsync(Db db, bool sqlite, List<ExpiredRecord> step, CancellationToken cancel)
    {
        var (first, last) = (step[0].Mark, step[^1].Mark);
        return sqlite
            ? db.Database.ExecuteSqlAsync(
                $"DELETE FROM audit_records WHERE position BETWEEN {first} AND {last} AND id IN (SELECT value FROM json_each({JsonSerializer.Serialize(step.Select(r => r.Id))}))", cancel)
            : db.Database.ExecuteSqlAsync(
                $"DELETE FROM audit_records WHERE at BETWEEN {first} AND {last} AND id = ANY({step.Select(r => r.Id).ToArray()})", cancel);
    }
}
