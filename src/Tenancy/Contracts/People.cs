using Crew.Storage;
using Crew.Tenancy.Members;
using Microsoft.EntityFrameworkCore;

namespace Crew.Tenancy.Contracts;

/// <summary>What other modules ask about people, inside a tenant's transaction.</summary>
public static class People
{
    /// <summary>Whether a person belongs to a workspace.</summary>
    public static Task<bool> IsMemberAsync(Db db, string workspaceId, string userId) =>
        db.Set<Membership>().AnyAsync(m => m.WorkspaceId == workspaceId && m.UserId == userId);
}
