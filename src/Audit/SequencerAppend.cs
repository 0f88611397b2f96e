using System.Globalization;
using Crew.Storage;
using Microsoft.EntityFrameworkCore;

namespace Crew.Audit;

/// <summary>Moves the sequencer's mark, in the transaction that writes the leaves.</summary>
internal static class SequencerAppend
{
    /// <summary>SQLite: false when another process has moved it since it was read.</summary>
    public static async Task<bool> MoveAsync(Db db, long last, PendingRecord to) =>
        await db.Database.ExecuteSqlAsync(
            $"UPDATE audit_sequencer SET position = {long.Parse(to.Place, CultureInfo.InvariantCulture)} WHERE id = 1 AND position = {last}") == 1;

    /// <summary>PostgreSQL: the lock of the transaction keeps others away.</summary>
    public static Task MoveAsync(Db db, SequencerMark mark, List<PendingRecord> pending, CancellationToken cancel) =>
        db.Database.ExecuteSqlAsync(
            $"UPDATE audit_sequencer SET xid = {pending[^1].Place}::xid8, record_id = {pending[^1].Id}, at = {Math.Max(mark.At, pending.Max(r => r.At))} WHERE id = 1", cancel);
}
