using Crew.Storage;
using Microsoft.EntityFrameworkCore;

namespace Crew.Audit.Alerts;

/// <summary>Removes alerts with the records that they name (<c>audit_days</c>), and places that nobody has come from for a quarter of a year.</summary>
internal sealed class AlertExpiry : IExpiry
{
    private const int PlaceDays = 90;

    public async Task RunAsync(ExpiryRun run, CancellationToken cancel)
    {
        foreach (var tenant in run.Terms.Select(t => t.Tenant).ToList())
        {
            await run.TryAsync(() => run.RemoveAsync(tenant, "alerts", t => t.AuditDays, async (db, before) =>
            {
                var end = DateTimeOffset.FromUnixTimeMilliseconds(before);
                var old = db.Set<Alert>().Where(a => a.WorkspaceId == tenant.WorkspaceId && a.LastAt < end).OrderBy(a => a.Id).Take(ExpiryRun.StepRows).Select(a => a.Id);
                return await db.Set<Alert>().Where(a => old.Contains(a.Id)).ExecuteDeleteAsync(cancel);
            }, cancel));
        }

        var unseen = run.Now.AddDays(-PlaceDays);
        await run.RemoveAsync(async db =>
        {
            var old = await db.Set<KnownPlace>().AsNoTracking().Where(p => p.LastAt < unseen).OrderBy(p => p.LastAt).Take(ExpiryRun.StepRows).ToListAsync(cancel);
            db.RemoveRange(old);
            return old.Count;
        }, cancel);
    }
}
