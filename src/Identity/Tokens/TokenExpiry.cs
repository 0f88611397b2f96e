using Crew.Kernel;
using Crew.Storage;
using Microsoft.EntityFrameworkCore;

namespace Crew.Identity.Tokens;

/// <summary>Removes token families that ended before their workspace's <c>request_days</c>.</summary>
internal sealed class TokenExpiry : IExpiry
{
    public async Task RunAsync(ExpiryRun run, CancellationToken cancel)
    {
        foreach (var terms in run.Terms)
        {
            var before = RetentionTerms.EndOf(run.Now, terms.RequestDays);
            var end = DateTimeOffset.FromUnixTimeMilliseconds(before);
            await run.RemoveAsync(terms.Tenant, "token_families", before, async db =>
            {
                var old = db.Set<TokenFamily>().Where(f => f.WorkspaceId == terms.WorkspaceId && f.EndsAt < end).OrderBy(f => f.Id).Take(ExpiryRun.StepRows).Select(f => f.Id);
                return await db.Set<TokenFamily>().Where(f => old.Contains(f.Id)).ExecuteDeleteAsync(cancel);
            }, cancel);
        }
    }
}
