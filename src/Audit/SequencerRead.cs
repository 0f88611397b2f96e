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
        $"SELECT CAST(r.position AS TEXT), {PendingRecord.Columns} FROM audit_records r WHERE r.position > @last ORDER BY r.position LIMIT @most";

    private const string ByTransaction = $"""
        SELECT r.xid::text, {PendingRecord.Columns} FROM audit_records r
        WHERE r.at >= @from AND (r.xid, r.id) > (@xid::xid8, @id) AND r.xid < pg_snapshot_xmin(pg_current_snapshot())
        ORDER BY r.xid, r.id LIMIT @most
        """;

    /// <summary>SQLite: the mark and what stands behind it.</summary>
    public static async Task<(long Last, List<PendingRecord> Pending)> BehindPositionAsync(Db db, int most, CancellationToken cancel)
    {
        var last = (await db.Database.SqlQueryRaw<long>("SELECT position AS \"Value\" FROM audit_sequencer").ToListAsync(cancel)).Single();
        return (last, await ReadAsync(db, ByPosition, cancel, ("last", last), ("most", most)));
    }

    /// <summary>
    /// PostgreSQL: the mark, for the one node that got the lock of this transaction; null for the others. FOR UPDATE reads the row as it is
    /// now: the statement may have begun before the former holder of the lock committed.
    /// </summary>
    public static async Task<SequencerMark?> TryLeadAsync(Db db, CancellationToken cancel) =>
        (await db.Database.SqlQueryRaw<SequencerMark>(
            """
            SELECT xid::text AS "Xid", record_id AS "RecordId", at AS "At", least(at, (extract(epoch FROM now()) * 1000)::bigint) AS "Latest"
            FROM audit_sequencer WHERE pg_try_advisory_xact_lock({0}) FOR UPDATE
            """, ElectionLock).ToListAsync(cancel)).SingleOrDefault();

    /// <summary>PostgreSQL: what stands behind the mark and below every running transaction.</summary>
    public static Task<List<PendingRecord>> BehindMarkAsync(Db db, SequencerMark mark, int most, CancellationToken cancel) =>
        ReadAsync(db, ByTransaction, cancel, ("from", mark.Latest - ClockSlackMilliseconds), ("xid", mark.Xid), ("id", mark.RecordId), ("most", most));

    private static async Task<List<PendingRecord>> ReadAsync(Db db, string sql, CancellationToken cancel, params (string Name, object Value)[] parameters)
    {
        await using var command = db.Database.GetDbConnection().CreateCommand();
        command.CommandText = sql;
        foreach (var (name, value) in parameters)
        {
            var parameter = command.CreateParameter();
            (parameter.ParameterName, parameter.Value) = (name, value);
            command.Parameters.Add(parameter);
        }

        var pending = new List<PendingRecord>();
        await using var rows = await command.ExecuteReaderAsync(cancel);
        while (await rows.ReadAsync(cancel))
        {
            pending.Add(PendingRecord.Of(rows));
        }

        return pending;
    }
}
