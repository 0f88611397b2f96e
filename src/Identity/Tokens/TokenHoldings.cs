using Crew.Kernel;
using Crew.Storage;
using Crew.Tenancy.Contracts;
using Microsoft.EntityFrameworkCore;

namespace Crew.Identity.Tokens;

/// <summary>Tokens that stand for somebody who leaves a workspace end with that, and do not come back with them.</summary>
internal sealed class TokenHoldings : IHoldings
{
    public async Task EndAsync(Db db, Tenant place, string userId, DateTimeOffset now)
    {
        foreach (var id in await db.Set<TokenFamily>().Where(f => f.WorkspaceId == place.WorkspaceId && f.UserId == userId && f.RevokedAt == null).Select(f => f.Id).ToListAsync())
        {
            await RevokeTokens.RevokeAsync(db, id, "member_removed", now);
        }
    }
}
