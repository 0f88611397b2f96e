using Crew.Audit.Contracts;
using Crew.Kernel;
using Crew.Storage;

namespace Crew.Audit;

/// <summary>
/// Removes records whose retention is over: the uses of keys and tokens by <c>request_days</c>, all others by <c>audit_days</c> of
/// their workspace, those of organizations and of the installation by the installation's figures. A record goes only after it has
/// its leaf; the leaf stays for good. On PostgreSQL a day that all have passed goes as a whole.
/// </summary>
internal sealed class AuditExpiry(AuditOptions options) : IExpiry
{
    private const string Table = "audit_records";
    private const string Uses = "uses";
    private const string Records = "records";
    private const long DayMs = 86_400_000;

    public async Task RunAsync(ExpiryRun run, CancellationToken cancel)
    {
        await DropDaysAsync(run, cancel);
        foreach (var log in LogsOf(run))
        {
            await run.TryAsync(() => RemoveAsync(run, log, isUse: true, cancel));
            await run.TryAsync(() => RemoveAsync(run, log, isUse: false, cancel));
        }
    }

    /// <summary>The logs of the installation, of each organization, and of each workspace.</summary>
    private static List<Tenant?> LogsOf(ExpiryRun run) =>
    [
        null,
        .. run.Terms.Select(t => t.Tenant.OrganizationId).Distinct(StringComparer.Ordinal).Select(id => new Tenant(id, null)),
        .. run.Terms.Select(t => t.Tenant),
    ];

    /// <summary>Before which moment a log keeps no records of a kind, by what its owner says now.</summary>
    private long BeforeOf(ExpiryRun run, Tenant? log, bool isUse) => log?.WorkspaceId is { } workspaceId
        ? run.Before(workspaceId, t => isUse ? t.RequestDays : t.AuditDays)
        : RetentionTerms.EndOf(run.Now, isUse ? options.RequestDays : options.AuditDays);

    private async Task DropDaysAsync(ExpiryRun run, CancellationToken cancel)
    {
        var before = LogsOf(run).Min(log => Math.Min(BeforeOf(run, log, isUse: true), BeforeOf(run, log, isUse: false)));
        foreach (var day in await DayPartitions.BeforeAsync(run.Store, Table, before, cancel))
        {
            var (from, end) = (DayPartitions.StartOf(day), DayPartitions.StartOf(day.AddDays(1)));
            if (!await run.Store.ReadAsync(SystemJob.Expiry, db => RetentionSchema.IsSequencedAsync(db, end, cancel), cancel))
            {
                return;
            }

            // A day that cannot be counted as a whole loses its rows step by step below.
            var isKept = false;
            await run.TryAsync(async () => isKept = !await run.DropDayAsync(Table, day, db => CountAsync(db, from, end, cancel), cancel));
            if (isKept)
            {
                return;
            }
        }
    }

    private static async Task<long> CountAsync(Db db, long from, long end, CancellationToken cancel)
    {
        long removed = 0;
        foreach (var count in await RetentionSchema.CountAsync(db, from, end, cancel))
        {
            var tenant = count.OrganizationId is { } organization ? new Tenant(organization, count.WorkspaceId) : null;
            await ExpiryRun.CountAsync(db, tenant, count.IsUse ? Uses : Records, end, count.Records);
            removed += count.Records;
        }

        return removed;
    }

    /// <summary>Removes step by step. A day of which a step fails is left to the next run, so that the days behind it do not wait for it.</summary>
    private async Task RemoveAsync(ExpiryRun run, Tenant? log, bool isUse, CancellationToken cancel)
    {
        var sqlite = run.Store.Dialect == "sqlite";
        for (var from = long.MinValue; ;)
        {
            cancel.ThrowIfCancellationRequested();
            await run.RefreshAsync(cancel);
            var before = BeforeOf(run, log, isUse);
            var step = await run.Store.ReadAsync(SystemJob.Expiry, db => RetentionSchema.FindAsync(db, sqlite, log, isUse, from, before, cancel), cancel);
            if (step.Count == 0)
            {
                return;
            }

            int? removed = null;
            from = await run.TryAsync(async () => removed = await run.StepAsync(
                log, isUse ? Uses : Records, before, db => RetentionSchema.RemoveAsync(db, sqlite, log, step, cancel), cancel))
                ? removed is null ? from : step[^1].At
                : (step[0].At / DayMs * DayMs) + DayMs;
        }
    }
}
