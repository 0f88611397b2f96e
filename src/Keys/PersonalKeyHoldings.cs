using Crew.Kernel;
using Crew.Storage;
using Crew.Tenancy.Contracts;
using Microsoft.EntityFrameworkCore;

namespace Crew.Keys;

/// <summary>The keys of somebody who leaves a workspace end with that: they do not come back with an invitation a year later.</summary>
internal sealed class PersonalKeyHoldings : IHoldings
{
    public async Task EndAsync(Db db, Tenant place, string userId, DateTimeOffset now)
    {
        foreach (var key in await db.Set<ApiKey>().Where(k => k.WorkspaceId == place.WorkspaceId && k.Kind == KeyKind.User && k.UserId == userId && k.RevokedAt == null).ToListAsync())
        {
            await RevokeKey.RevokeAsync(db, key, now, "member_removed");
        }
    }
}
