using Crew.Audit.Contracts;
using Crew.Kernel;
using Crew.Storage;

namespace Crew.Audit;

/// <summary>
/// Makes the day partitions ahead and removes records whose retention is over, in small steps. A record goes only after it has
/// its leaf; the leaf stays for good.
/// </summary>
internal sealed class Upkeep(Store store, AuditOptions options, TimeProvider clock)
{
    /// <summary>Most records that one step removes: with their index entries they take SQLite's writing thread less than 5 ms.</summary>
    public const int StepRecords = 200;

    private const long DayMilliseconds = 24L * 60 * 60 * 1_000;

    private bool IsSqlite => store.Dialect == "sqlite";

    /// <summary>PostgreSQL: makes the partitions of the coming days.</summary>
    public async Task<Outcome<bool>> MakePartitionsAsync(CancellationToken cancel) =>
        IsSqlite || await ChangeAsync(db => RetentionSchema.MakeDaysAsync(db, options.PartitionsAheadDays, cancel), cancel) is not { } fault ? true : fault;

    /// <summary>Removes everything that has passed its retention; the answer is how many records went one by one.</summary>
    public async Task<Outcome<long>> ExpireAsync(CancellationToken cancel)
    {
        var now = clock.GetUtcNow().ToUnixTimeMilliseconds();
        var (usesBefore, restBefore) = (now - (options.RequestDays * DayMilliseconds), now - (options.AuditDays * DayMilliseconds));
        if (!IsSqlite && await ChangeAsync(db => RetentionSchema.DropDaysAsync(db, Math.Min(usesBefore, restBefore), cancel), cancel) is { } refused)
        {
            return refused;
        }

        long removed = 0;
        var after = long.MinValue;
        while (true)
        {
            cancel.ThrowIfCancellationRequested();
            var step = await store.ReadAsync(SystemJob.Expiry,
                db => RetentionSchema.FindAsync(db, IsSqlite, after, usesBefore, restBefore, StepRecords, cancel), cancel);
            if (step.Count == 0)
            {
                break;
            }

            if (await ChangeAsync(db => RetentionSchema.RemoveAsync(db, IsSqlite, step, cancel), cancel) is { } fault)
            {
                return fault;
            }

            removed += step.Count;
            after = step[^1].Mark;
        }

        return removed == 0 ? 0L : await ReportAsync(removed, cancel);
    }

    /// <summary>The receipt: what retention removed is itself recorded.</summary>
    private Task<Outcome<long>> ReportAsync(long removed, CancellationToken cancel) =>
        store.ChangeAsync<long>(SystemJob.Expiry, Origin.System, db =>
        {
            db.Raise(new Event("retention.applied", new Resource("audit_log", RecordFields.InstallationLogId))
            {
                Log = EventLog.Installation,
                Changes = [new FieldChange("removed", null, removed)],
            });
            return Task.FromResult<Outcome<long>>(removed);
        }, cancel);

    private async Task<Fault?> ChangeAsync(Func<Db, Task> work, CancellationToken cancel) =>
        (await store.ChangeAsync<bool>(SystemJob.Expiry, Origin.System, async db =>
        {
            await work(db);
            return true;
        }, cancel)).Fault;
}
