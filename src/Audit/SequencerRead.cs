using Crew.Storage;
using Microsoft.EntityFrameworkCore;

namespace Crew.Audit;

/// <summary>Up to where PostgreSQL's sequencer has come.</summary>
internal sealed record SequencerMark(string Xid, string RecordId, long At, long Latest);

/// <summary>What the sequencer reads: its mark, and the committed records behind it in commit order.</summary>
internal static class SequencerRead
{
    private const long ElectionLock = 0x6372_6577_0002;

    /// <summary>How far behind the newest record another node's clock may be. Older day partitions are not looked at.</summary>
    private const long ClockSlackMilliseconds = 3L * 24 * 60 * 60 * 1_000;

    private const string ByPosition =
        $$"""SELECT CAST(r.position AS TEXT) AS "Place", {{PendingRecord.Columns}} FROM audit_records r WHERE r.position > {0} ORDER BY r.position LIMIT {1}""";

    private const string ByTransaction = $$"""
        SELECT r.xid::text AS "Place", {{PendingRecord.Columns}} FROM audit_records r
        WHERE r.at >= {2} AND (r.xid, r.id) > ({0}::xid8, {1}) AND r.xid < pg_snapshot_xmin(pg_current_snapshot())
        ORDER BY r.xid, r.id LIMIT {3}
        """;

    /// <summary>SQLite: the mark and what stands behind it.</summary>
    public static async Task<(long Last, List<PendingRecord> Pending)> BehindPositionAsync(Db db, int most, CancellationToken cancel)
    {
        var last = (await db.Database.SqlQueryRaw<long>("SELECT position AS \"Value\" FROM audit_sequencer").ToListAsync(cancel)).Single();
        return (last, await db.Database.SqlQueryRaw<PendingRecord>(ByPosition, last, most).ToListAsync(cancel));
    }

    /// <summary>PostgreSQL: the mark, for the one node that got the lock of this transaction; null for the others.</summary>
    public static async Task<SequencerMark?> TryLeadAsync(Db db, CancellationToken cancel) =>
        (await db.Database.SqlQueryRaw<SequencerMark>(
            """
            SELECT xid::text AS "Xid", record_id AS "RecordId", at AS "At", least(at, (extract(epoch FROM now()) * 1000)::bigint) AS "Latest"
            FROM audit_sequencer WHERE pg_try_advisory_xact_lock({0})
            """, ElectionLock).ToListAsync(cancel)).SingleOrDefault();

    /// <summary>PostgreSQL: what stands behind the mark and below every running transaction.</summary>
    public static Task<List<PendingRecord>> BehindMarkAsync(Db db, SequencerMark mark, int most, CancellationToken cancel) =>
        db.Database.SqlQueryRaw<PendingRecord>(ByTransaction, mark.Xid, mark.RecordId, mark.Latest - ClockSlackMilliseconds, most).ToListAsync(cancel);
}
