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
        if (run.Terms.Count > 0)
        {
            await DropDaysAsync(run, run.Terms.Min(t => RetentionTerms.EndOf(run.Now, t.RequestDays)), cancel);
        }

        foreach (var terms in run.Terms)
        {
            await FoldAsync(run, terms, RetentionTerms.EndOf(run.Now, terms.RequestDays), cancel);
            var before = RetentionTerms.EndOf(run.Now, terms.CallMetadataDays);
            await run.RemoveAsync(terms.Tenant, "usage_days", before,
                db => UsageDayAppend.RemoveDaysAsync(db, terms.WorkspaceId, (int)(before / DayMs), cancel), cancel);
        }
    }

    /// <summary>PostgreSQL: days that every workspace has passed are summed up and go whole.</summary>
    private static async Task DropDaysAsync(ExpiryRun run, long before, CancellationToken cancel)
    {
        foreach (var day in await DayPartitions.BeforeAsync(run.Store, Table, before, cancel))
        {
            var (from, end) = (DayPartitions.StartOf(day), DayPartitions.StartOf(day.AddDays(1)));
            await run.DropDayAsync(Table, day, async db =>
            {
                await UsageDayAppend.FoldDayAsync(db, from, end, cancel);
                var counts = await db.Set<AttemptRecord>().Where(a => a.At >= from && a.At < end)
                    .GroupBy(a => new { a.OrganizationId, a.WorkspaceId }).Select(g => new { g.Key, Rows = g.LongCount() }).ToListAsync(cancel);
                foreach (var count in counts)
                {
                    await ExpiryRun.CountAsync(db, new Tenant(count.Key.OrganizationId, count.Key.WorkspaceId), Rows, end, count.Rows);
                }

                return counts.Sum(c => c.Rows);
            }, cancel);
        }
    }

    private static async Task FoldAsync(ExpiryRun run, RetentionTerms terms, long before, CancellationToken cancel)
    {
        var sqlite = run.Store.Dialect == "sqlite";
        while (await run.Store.ReadAsync(SystemJob.Expiry, db => FindAsync(db, terms.WorkspaceId, before, cancel), cancel) is { } step)
        {
            cancel.ThrowIfCancellationRequested();
            await run.StepAsync(terms.Tenant, Rows, before, db => UsageDayAppend.FoldAsync(db, sqlite, terms.WorkspaceId, step, cancel), cancel);
        }
    }

    /// <summary>
    /// The requests of the oldest expired rows. All rows of a request go in one step, so that its sums count it once; none of its attempts
    /// begins more than an hour after the first.
    /// </summary>
    private static async Task<ExpiredRequests?> FindAsync(Db db, string workspaceId, long before, CancellationToken cancel)
    {
        var rows = await db.Set<AttemptRecord>().Where(a => a.WorkspaceId == workspaceId && a.At < before)
            .OrderBy(a => a.At).Select(a => new { a.RequestId, a.At }).Take(ExpiryRun.StepRows).ToListAsync(cancel);
        return rows.Count == 0 ? null : new ExpiredRequests(
            [.. rows.Select(r => r.RequestId).Distinct()], rows[0].At, Math.Min(before, rows[^1].At + AttemptsMs));
    }
}
