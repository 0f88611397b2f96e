using Crew.Http;
using Crew.Kernel;
using Crew.Storage;
using Crew.Tenancy.Members;
using Microsoft.EntityFrameworkCore;

namespace Crew.Tenancy.Contracts;

/// <summary>Takes roles away, by the rules that hold whoever asks for it.</summary>
public static class Memberships
{
    /// <summary>Ids of the memberships of a workspace.</summary>
    public static async Task<IReadOnlySet<string>> IdsAsync(Db db, string workspaceId) =>
        (await db.Set<Membership>().Where(m => m.WorkspaceId == workspaceId).Select(m => m.Id).ToListAsync()).ToHashSet(StringComparer.Ordinal);

    /// <summary>
    /// Removes a membership that the caller sees, with what its person holds in the workspace, inside a transaction of the workspace. Nobody acts on
    /// a role above their own, and the last Owner stays.
    /// </summary>
    public static async Task<Outcome<bool>> RemoveAsync(Db db, Call call, string membershipId, IEnumerable<IHoldings> holdings, DateTimeOffset now)
    {
        var removed = await MemberRoutes.EndAsync(db, call, membershipId, holdings, now, checksVersion: false);
        return removed.Failed(out var fault) ? fault : true;
    }
}
