using Crew.Storage;
using Microsoft.EntityFrameworkCore;

namespace Crew.Identity.Tokens;

/// <summary>Removes token families that ended before their workspace's <c>request_days</c>.</summary>
internal sealed class TokenExpiry : IExpiry
{
    public async Task RunAsync(ExpiryRun run, CancellationToken cancel)
    {
        foreach (var tenant in run.Terms.Select(t => t.Tenant).ToList())
        {
            await run.TryAsync(() => run.RemoveAsync(tenant, "token_families", t => t.RequestDays, async (db, before) =>
            {
                var end = DateTimeOffset.FromUnixTimeMilliseconds(before);
                var old = db.Set<TokenFamily>().Where(f => f.WorkspaceId == tenant.WorkspaceId && f.EndsAt < end).OrderBy(f => f.Id).Take(ExpiryRun.StepRows).Select(f => f.Id);
                return await db.Set<TokenFamily>().Where(f => old.Contains(f.Id)).ExecuteDeleteAsync(cancel);
            }, cancel));
        }
    }
}
