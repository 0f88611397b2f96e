using Crew.Storage;
using Microsoft.EntityFrameworkCore;

namespace Crew.Identity.Access;

/// <summary>Removes reviews with the audit records that tell of them (<c>audit_days</c> after they were due).</summary>
internal sealed class ReviewExpiry : IExpiry
{
    public async Task RunAsync(ExpiryRun run, CancellationToken cancel)
    {
        foreach (var tenant in run.Terms.Select(t => t.Tenant).ToList())
        {
            await run.TryAsync(() => run.RemoveAsync(tenant, "access_reviews", t => t.AuditDays, async (db, before) =>
            {
                var end = DateTimeOffset.FromUnixTimeMilliseconds(before);
                var old = await db.Set<AccessReview>().Where(r => r.WorkspaceId == tenant.WorkspaceId && r.DueAt < end).OrderBy(r => r.Id).Select(r => r.Id).FirstOrDefaultAsync(cancel);
                if (old is null)
                {
                    return 0;
                }

                var items = db.Set<ReviewItem>().Where(i => i.ReviewId == old).OrderBy(i => i.SubjectId).Take(ExpiryRun.StepRows).Select(i => i.SubjectId);
                var removed = await db.Set<ReviewItem>().Where(i => i.ReviewId == old && items.Contains(i.SubjectId)).ExecuteDeleteAsync(cancel);
                return removed > 0 ? removed : await db.Set<AccessReview>().Where(r => r.Id == old).ExecuteDeleteAsync(cancel);
            }, cancel));
        }
    }
}
