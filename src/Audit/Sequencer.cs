using Crew.Kernel;
using Crew.Storage;

namespace Crew.Audit;

/// <summary>
/// Gives committed records their sequence, one log by itself, and writes their leaves, in commit order. On SQLite the commit itself
/// does it, see <see cref="CommitNumbering"/>, and here is only what a restore has brought:
/// <code>
///   SQLite       position > last                          one writer gives positions, so they are the commit order
///   PostgreSQL   (xid, id) > last, xid &lt; snapshot's xmin   below the oldest running transaction nothing can appear any more
/// </code>
/// A step moves the mark and writes its leaves in one transaction: after a crash the next step begins where the last one ended.
/// </summary>
/// <param name="store">The database.</param>
/// <param name="election">On a server, where several nodes may be at it; without one the lock of each step alone keeps others away.</param>
internal sealed class Sequencer(Store store, Election? election = null)
{
    /// <summary>Most records of one step: their leaves take the writing thread of SQLite less than 5 ms.</summary>
    public const int StepRecords = 500;

    /// <summary>Does one step; the answer is the number of records that got their sequence.</summary>
    public Task<Outcome<int>> StepAsync(int most, CancellationToken cancel) =>
        store.Dialect == "sqlite" ? StepSqliteAsync(most, cancel) : StepPostgresAsync(most, cancel);

    /// <summary>Leaves are computed beside the writing thread; if another process moved the mark meanwhile, they are dropped.</summary>
    private async Task<Outcome<int>> StepSqliteAsync(int most, CancellationToken cancel)
    {
        var (last, pending) = await store.ReadAsync(SystemJob.AuditSequence, db => SequencerRead.BehindPositionAsync(db, most, cancel), cancel);
        if (pending.Count == 0)
        {
            return 0;
        }

        var leaves = LeavesOf(pending);
        return await store.ChangeAsync<int>(SystemJob.AuditSequence, Origin.System, async db =>
            await SequencerAppend.MoveAsync(db, last, pending[^1]) ? Append(db, leaves) : 0, cancel);
    }

    /// <summary>One transaction, held by whichever node gets the lock first; the others find nothing to do.</summary>
    private Task<Outcome<int>> StepPostgresAsync(int most, CancellationToken cancel)
    {
        return election is null
            ? store.ChangeAsync<int>(SystemJob.AuditSequence, Origin.System, StepAsync, cancel)
            : election.ChangeAsync<int>(Duty.AuditSequence, SystemJob.AuditSequence, StepAsync, cancel);

        async Task<Outcome<int>> StepAsync(Db db)
        {
            if (await SequencerRead.TryLeadAsync(db, cancel) is not { } mark)
            {
                return 0;
            }

            var pending = await SequencerRead.BehindMarkAsync(db, mark, most, cancel);
            if (pending.Count == 0)
            {
                return 0;
            }

            CrashPoint.Pass(CrashPoints.SequenceBefore);
            await SequencerAppend.MoveAsync(db, mark, pending, cancel);
            CrashPoint.Pass(CrashPoints.SequenceAfter);
            return Append(db, LeavesOf(pending));
        }
    }

    private static int Append(Db db, List<LeafRow> leaves)
    {
        leaves.ForEach(db.Append);
        return leaves.Count;
    }

    private static List<LeafRow> LeavesOf(List<PendingRecord> pending)
    {
        var sizes = new Dictionary<string, long>(StringComparer.Ordinal);
        var leaves = new List<LeafRow>(pending.Count);
        foreach (var record in pending)
        {
            var sequence = sizes[record.LogId] = sizes.GetValueOrDefault(record.LogId, record.Size) + 1;
            leaves.Add(new LeafRow(record.LogId, sequence, record.Id, Leaf.Hash(record, sequence), record.At));
        }

        return leaves;
    }
}
