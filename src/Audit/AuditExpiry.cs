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

    public async Task RunAsync(ExpiryRun run, CancellationToken cancel)
    {
        var logs = LogsOf(run);
        await DropDaysAsync(run, logs.Min(l => Math.Min(l.UsesBefore, l.RestBefore)), cancel);
        foreach (var log in logs)
        {
            await RemoveAsync(run, log.Tenant, isUse: true, log.UsesBefore, cancel);
            await RemoveAsync(run, log.Tenant, isUse: false, log.RestBefore, cancel);
        }
    }

    private List<Log> LogsOf(ExpiryRun run)
    {
        var (uses, rest) = (RetentionTerms.EndOf(run.Now, options.RequestDays), RetentionTerms.EndOf(run.Now, options.AuditDays));
        return
        [
            new Log(null, uses, rest),
            .. run.Terms.Select(t => t.Tenant.OrganizationId).Distinct(StringComparer.Ordinal).Select(id => new Log(new Tenant(id, null), uses, rest)),
            .. run.Terms.Select(t => new Log(t.Tenant, RetentionTerms.EndOf(run.Now, t.RequestDays), RetentionTerms.EndOf(run.Now, t.AuditDays))),
        ];
    }

    private static async Task DropDaysAsync(ExpiryRun run, long before, CancellationToken cancel)
    {
        foreach (var day in await DayPartitions.BeforeAsync(run.Store, Table, before, cancel))
        {
            var (from, end) = (DayPartitions.StartOf(day), DayPartitions.StartOf(day.AddDays(1)));
            if (!await run.Store.ReadAsync(SystemJob.Expiry, db => RetentionSchema.IsSequencedAsync(db, end, cancel), cancel))
            {
                return;
            }

            await run.DropDayAsync(Table, day, async db =>
            {
                long removed = 0;
                foreach (var count in await RetentionSchema.CountAsync(db, from, end, cancel))
                {
                    var tenant = count.OrganizationId is { } organization ? new Tenant(organization, count.WorkspaceId) : null;
                    await ExpiryRun.CountAsync(db, tenant, count.IsUse ? Uses : Records, end, count.Records);
                    removed += count.Records;
                }

                return removed;
            }, cancel);
        }
    }

    private static async Task RemoveAsync(ExpiryRun run, Tenant? log, bool isUse, long before, CancellationToken cancel)
    {
        var sqlite = run.Store.Dialect == "sqlite";
        for (var from = long.MinValue; ;)
        {
            cancel.ThrowIfCancellationRequested();
            var step = await run.Store.ReadAsync(SystemJob.Expiry, db => RetentionSchema.FindAsync(db, sqlite, log, isUse, from, before, cancel), cancel);
            if (step.Count == 0)
            {
                return;
            }

            await run.StepAsync(log, isUse ? Uses : Records, before, db => RetentionSchema.RemoveAsync(db, sqlite, log, step, cancel), cancel);
            from = step[^1].At;
        }
    }

    private sealed record Log(Tenant? Tenant, long UsesBefore, long RestBefore);
}
