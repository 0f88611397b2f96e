using Crew.Kernel;
using Crew.Storage;
using Microsoft.EntityFrameworkCore;

namespace Crew.Spend;

/// <summary>
/// Removes rows of the ledger when their workspace's <c>request_days</c> are over, and adds what they came to to the sums of their day
/// in the same transaction: usage over a year is right at every moment, to the nano-dollar. The sums go when
/// <c>call_metadata_days</c> are over.
/// </summary>
internal sealed class UsageExpiry : IExpiry
{
    private const string Table = "spend_attempts";
    private const string Rows = "requests";
    private const long DayMs = 86_400_000;
    private const long AttemptsMs = 3_600_000;

    public async Task RunAsync(ExpiryRun run, CancellationToken cancel)
    {
        foreach (var tenant in run.Terms.Select(t => t.Tenant).ToList())
        {
            var workspaceId = tenant.WorkspaceId!;
            await run.TryAsync(() => FoldAsync(run, tenant, () => run.Before(workspaceId, t => t.RequestDays), cancel));
            await run.TryAsync(() => run.RemoveAsync(tenant, "usage_days", t => t.CallMetadataDays,
                (db, before) => UsageDayAppend.RemoveDaysAsync(db, workspaceId, (int)(before / DayMs), cancel), cancel));
        }

        if (run.Terms.Count > 0)
        {
            await DropDaysAsync(run, cancel);
        }
    }

    /// <summary>PostgreSQL: the partitions of days that every workspace has passed go once all of their rows are summed up, also those of nobody's.</summary>
    private static async Task DropDaysAsync(ExpiryRun run, CancellationToken cancel)
    {
        long Before() => run.Terms.Min(t => RetentionTerms.EndOf(run.Now, t.RequestDays));
        foreach (var day in await DayPartitions.BeforeAsync(run.Store, Table, Before(), cancel))
        {
            var (from, end) = (DayPartitions.StartOf(day), DayPartitions.StartOf(day.AddDays(1)));
            await run.TryAsync(async () =>
            {
                await run.RefreshAsync(cancel);
                if (end > Before())
                {
                    return;
                }

                foreach (var tenant in await run.Store.ReadAsync(SystemJob.Expiry, db => LeftAsync(db, from, end, cancel), cancel))
                {
                    await FoldAsync(run, tenant, () => Math.Min(end, Before()), cancel);
                }

                await run.ChangeAsync(db => DayPartitions.DropEmptyAsync(db, Table, day, cancel), cancel);
            });
        }
    }

    /// <summary>Whose rows a day still holds.</summary>
    private static async Task<List<Tenant>> LeftAsync(Db db, long from, long end, CancellationToken cancel) =>
        (await db.Set<AttemptRecord>().Where(a => a.At >= from && a.At < end).Select(a => new { a.OrganizationId, a.WorkspaceId }).Distinct().ToListAsync(cancel))
            .ConvertAll(t => new Tenant(t.OrganizationId, t.WorkspaceId));

    /// <summary>Sums up and removes step by step. A day of which a step fails is left to the next run, so that the days behind it do not wait for it.</summary>
    private static async Task FoldAsync(ExpiryRun run, Tenant tenant, Func<long> before, CancellationToken cancel)
    {
        var sqlite = run.Store.Dialect == "sqlite";
        var from = long.MinValue;
        while (true)
        {
            cancel.ThrowIfCancellationRequested();
            await run.RefreshAsync(cancel);
            var end = before();
            if (await run.Store.ReadAsync(SystemJob.Expiry, db => FindAsync(db, tenant.WorkspaceId!, from, end, cancel), cancel) is not { } step)
            {
                return;
            }

            if (!await run.TryAsync(() => run.StepAsync(tenant, Rows, end, db => UsageDayAppend.FoldAsync(db, sqlite, tenant.WorkspaceId!, step, cancel), cancel)))
            {
                from = (step.FromMs / DayMs * DayMs) + DayMs;
            }
        }
    }

    /// <summary>
    /// The requests of the oldest expired rows. All rows of a request go in one step, so that its sums count it once; none of its attempts
    /// begins more than an hour after the first.
    /// </summary>
    private static async Task<ExpiredRequests?> FindAsync(Db db, string workspaceId, long from, long before, CancellationToken cancel)
    {
        var rows = await db.Set<AttemptRecord>().Where(a => a.WorkspaceId == workspaceId && a.At >= from && a.At < before)
            .OrderBy(a => a.At).Select(a => new { a.RequestId, a.At }).Take(ExpiryRun.StepRows).ToListAsync(cancel);
        return rows.Count == 0 ? null : new ExpiredRequests(
            [.. rows.Select(r => r.RequestId).Distinct()], rows[0].At, Math.Min(before, rows[^1].At + AttemptsMs));
    }
}
