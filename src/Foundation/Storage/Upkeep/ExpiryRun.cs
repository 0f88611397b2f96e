using Crew.Kernel;
using Microsoft.EntityFrameworkCore;

namespace Crew.Storage;

/// <summary>
/// One pass over everything that has a retention. It works in steps of one short transaction each, so that nobody waits behind it for
/// more than about 5 ms on SQLite, and counts in the same transaction what it removes for whom: <see cref="ReportAsync"/> turns the
/// counts into receipts, also those of a run that was killed before it could.
/// </summary>
/// <param name="store">The database.</param>
/// <param name="election">Makes sure that no other node is at it; null where there is none (tests).</param>
/// <param name="terms">What each workspace says.</param>
/// <param name="now">The moment that ages are counted from.</param>
public sealed class ExpiryRun(Store store, Election? election, IReadOnlyList<RetentionTerms> terms, DateTimeOffset now)
{
    /// <summary>Rows of one step: with their index entries they take SQLite's writing thread less than 5 ms.</summary>
    public const int StepRows = 200;

    public Store Store => store;

    public IReadOnlyList<RetentionTerms> Terms => terms;

    public DateTimeOffset Now => now;

    /// <summary>How many rows this run has removed, of all kinds.</summary>
    public long Removed { get; private set; }

    /// <summary>Runs one change of the run.</summary>
    /// <exception cref="StorageUnavailableException">It could not be written.</exception>
    public async Task<T> ChangeAsync<T>(Func<Db, Task<T>> work, CancellationToken cancel)
    {
        async Task<Outcome<T>> Work(Db db) => await work(db);
        var done = election is null
            ? await store.ChangeAsync<T>(SystemJob.Expiry, Origin.System, Work, cancel)
            : await election.ChangeAsync<T>(Duty.Upkeep, SystemJob.Expiry, Work, cancel);
        return done.Fault is null ? done.Value : throw new StorageUnavailableException("A step of the expiry could not be written.", null);
    }

    /// <summary>Removes step by step until a step finds nothing, without a receipt: for what no workspace sees.</summary>
    public async Task RemoveAsync(Func<Db, Task<int>> step, CancellationToken cancel)
    {
        int removed;
        do
        {
            cancel.ThrowIfCancellationRequested();
            removed = await ChangeAsync(step, cancel);
            Removed += removed;
        }
        while (removed > 0);
    }

    /// <summary>Removes step by step until a step finds nothing, and counts it for the receipt of that tenant (null: the installation).</summary>
    /// <param name="kind">The name of the kind in receipts, such as <c>requests</c>.</param>
    /// <param name="beforeMs">Up to when things are removed.</param>
    public Task RemoveAsync(Tenant? tenant, string kind, long beforeMs, Func<Db, Task<int>> step, CancellationToken cancel) => RemoveAsync(async db =>
    {
        var removed = await step(db);
        await CountAsync(db, tenant, kind, beforeMs, removed);
        return removed;
    }, cancel);

    /// <summary>One counted step, where the caller knows when the end is reached.</summary>
    public async Task StepAsync(Tenant? tenant, string kind, long beforeMs, Func<Db, Task<int>> step, CancellationToken cancel) =>
        Removed += await ChangeAsync(async db =>
        {
            var removed = await step(db);
            await CountAsync(db, tenant, kind, beforeMs, removed);
            return removed;
        }, cancel);

    /// <summary>PostgreSQL: drops a day of which every row has expired, in the transaction that counts what it held.</summary>
    public async Task DropDayAsync(string table, DateOnly day, Func<Db, Task<long>> count, CancellationToken cancel) =>
        Removed += await ChangeAsync(async db =>
        {
            var held = await count(db);
            await DayPartitions.DropAsync(db, table, day, cancel);
            return held;
        }, cancel);

    /// <summary>Counts in the current transaction what it has removed by other ways than a step.</summary>
    public static Task CountAsync(Db db, Tenant? tenant, string kind, long beforeMs, long removed) => removed == 0
        ? Task.CompletedTask
        : db.Database.ExecuteSqlAsync($"""
            INSERT INTO storage_expired (organization_id, workspace_id, kind, removed, before_at)
            VALUES ({tenant?.OrganizationId ?? ""}, {tenant?.WorkspaceId ?? ""}, {kind}, {removed}, {beforeMs})
            ON CONFLICT (organization_id, workspace_id, kind) DO UPDATE SET removed = storage_expired.removed + excluded.removed,
              before_at = CASE WHEN excluded.before_at > storage_expired.before_at THEN excluded.before_at ELSE storage_expired.before_at END
            """);

    /// <summary>Puts on record what was removed: one event <c>retention.applied</c> per workspace, in its own log.</summary>
    public async Task ReportAsync(CancellationToken cancel)
    {
        var counts = await store.ReadAsync(SystemJob.Expiry, db => db.Database.SqlQueryRaw<Count>("""
            SELECT organization_id AS "OrganizationId", workspace_id AS "WorkspaceId", kind AS "Kind", removed AS "Removed", before_at AS "BeforeAt"
            FROM storage_expired ORDER BY organization_id, workspace_id, kind
            """).ToListAsync(cancel), cancel);
        foreach (var group in counts.GroupBy(c => (c.OrganizationId, c.WorkspaceId)))
        {
            var (organizationId, workspaceId) = group.Key;
            await ChangeAsync(async db =>
            {
                db.Raise(Receipt(organizationId, workspaceId, group));
                return await db.Database.ExecuteSqlAsync(
                    $"DELETE FROM storage_expired WHERE organization_id = {organizationId} AND workspace_id = {workspaceId}");
            }, cancel);
        }
    }

    private static Event Receipt(string organizationId, string workspaceId, IEnumerable<Count> counts)
    {
        IReadOnlyList<FieldChange> changes =
        [
            .. counts.SelectMany(c => new[]
            {
                new FieldChange($"{c.Kind}.removed", null, c.Removed),
                new FieldChange($"{c.Kind}.before", null, Timestamp.ToText(DateTimeOffset.FromUnixTimeMilliseconds(c.BeforeAt))),
            }),
        ];
        return (organizationId, workspaceId) switch
        {
            ("", _) => new Event("retention.applied", new Resource("installation", "installation")) { Log = EventLog.Installation, Changes = changes },
            (_, "") => new Event("retention.applied", new Resource("organization", organizationId))
            {
                Log = EventLog.Organization,
                Tenant = new Tenant(organizationId, null),
                Changes = changes,
            },
            _ => new Event("retention.applied", new Resource("workspace", workspaceId)) { Tenant = new Tenant(organizationId, workspaceId), Changes = changes },
        };
    }

    private sealed record Count(string OrganizationId, string WorkspaceId, string Kind, long Removed, long BeforeAt);
}
