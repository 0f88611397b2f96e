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

    /// <summary>After so many parts that failed something is wrong with the whole, and the run ends.</summary>
    private const int MostFailures = 16;

    private IReadOnlyDictionary<string, RetentionTerms> _terms = terms.ToDictionary(t => t.WorkspaceId, StringComparer.Ordinal);
    private long _version;
    private int _failures;

    public Store Store => store;

    /// <summary>What each workspace says, as of the last look.</summary>
    public IReadOnlyList<RetentionTerms> Terms { get; private set; } = terms;

    public DateTimeOffset Now => now;

    /// <summary>Where the terms come from, so that a run which takes long follows what is changed meanwhile; without it they stay as they are.</summary>
    public IWorkspaceDirectory? Directory { get; init; }

    /// <summary>Hears of each part that failed.</summary>
    public Action<Exception>? Failed { get; init; }

    /// <summary>How many rows this run has removed, of all kinds.</summary>
    public long Removed { get; private set; }

    private bool HasMoved => Directory is { } directory && directory.RetentionVersion != Volatile.Read(ref _version);

    /// <summary>A run by what the workspaces say now.</summary>
    public static async Task<ExpiryRun> BeginAsync(
        Store store, Election? election, IWorkspaceDirectory directory, DateTimeOffset now, Action<Exception> failed, CancellationToken cancel)
    {
        var version = directory.RetentionVersion;
        return new ExpiryRun(store, election, await directory.RetentionAsync(cancel), now) { Directory = directory, Failed = failed, _version = version };
    }

    /// <summary>Before which moment (milliseconds since 1970) a workspace keeps nothing; 0 for one that is not there.</summary>
    public long Before(string workspaceId, Func<RetentionTerms, int> days) =>
        _terms.TryGetValue(workspaceId, out var kept) ? RetentionTerms.EndOf(now, days(kept)) : 0;

    /// <summary>
    /// Takes over what has been changed since the last look. A change of a retention answers once this process has heard of it, and each step
    /// looks inside its transaction, so that what a workspace was told it keeps is not removed afterwards.
    /// </summary>
    public async Task RefreshAsync(CancellationToken cancel)
    {
        if (HasMoved)
        {
            var version = Directory!.RetentionVersion;
            Terms = await Directory.RetentionAsync(cancel);
            _terms = Terms.ToDictionary(t => t.WorkspaceId, StringComparer.Ordinal);
            Volatile.Write(ref _version, version);
        }
    }

    /// <summary>Does one part of the run, such as a workspace or a day. When it fails, the other parts go on, and the next run tries it again.</summary>
    /// <returns>Whether it came to its end.</returns>
    public async Task<bool> TryAsync(Func<Task> part)
    {
        try
        {
            await part();
            return true;
        }
        catch (Exception error) when (error is not OperationCanceledException and not NotLeadingException && ++_failures <= MostFailures)
        {
            Failed?.Invoke(error);
            return false;
        }
    }

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

    /// <summary>One step without a receipt, of a sweep that knows itself where it ends.</summary>
    public async Task<T> SweepAsync<T>(Func<Db, Task<(T Step, int Removed)>> step, CancellationToken cancel)
    {
        var (done, removed) = await ChangeAsync(step, cancel);
        Removed += removed;
        return done;
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

    /// <summary>Removes step by step what a workspace keeps no longer, until a step finds nothing, and counts it for the receipt.</summary>
    /// <param name="kind">The name of the kind in receipts, such as <c>requests</c>.</param>
    /// <param name="days">How long the workspace keeps the kind.</param>
    /// <param name="step">Removes some of what lies before a moment (milliseconds since 1970).</param>
    public async Task RemoveAsync(Tenant workspace, string kind, Func<RetentionTerms, int> days, Func<Db, long, Task<int>> step, CancellationToken cancel)
    {
        int? removed;
        do
        {
            cancel.ThrowIfCancellationRequested();
            await RefreshAsync(cancel);
            var before = Before(workspace.WorkspaceId!, days);
            removed = await StepAsync(workspace, kind, before, db => step(db, before), cancel);
        }
        while (removed != 0);
    }

    /// <summary>One step, counted for the receipt of that tenant (null: the installation).</summary>
    /// <param name="beforeMs">Up to when things are removed.</param>
    /// <returns>
    /// How many rows went; null when a workspace has changed meanwhile. Then nothing was removed, and what may go must be looked for again
    /// after <see cref="RefreshAsync"/>.
    /// </returns>
    public async Task<int?> StepAsync(Tenant? tenant, string kind, long beforeMs, Func<Db, Task<int>> step, CancellationToken cancel)
    {
        var removed = await ChangeAsync<int?>(async db =>
        {
            if (HasMoved)
            {
                return null;
            }

            var gone = await step(db);
            await CountAsync(db, tenant, kind, beforeMs, gone);
            return gone;
        }, cancel);
        Removed += removed ?? 0;
        return removed;
    }

    /// <summary>
    /// PostgreSQL: drops a day of which every row has expired, in the transaction that counts what it held. False when a workspace has changed
    /// meanwhile, and nothing was dropped.
    /// </summary>
    public async Task<bool> DropDayAsync(string table, DateOnly day, Func<Db, Task<long>> count, CancellationToken cancel)
    {
        var removed = await ChangeAsync<long?>(async db =>
        {
            var held = await count(db);
            if (HasMoved)
            {
                return null;
            }

            await DayPartitions.DropAsync(db, table, day, cancel);
            return held;
        }, cancel);
        Removed += removed ?? 0;
        return removed is not null;
    }

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
