using Crew.Kernel;
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

    /// <summary>Id of whoever has a membership of a workspace; null when there is none with that id.</summary>
    public static async Task<string?> HolderAsync(Db db, string workspaceId, string membershipId, CancellationToken cancel) => Id.IsValid(membershipId, IdPrefix.Membership)
        ? await db.Set<Membership>().AsNoTracking().Where(m => m.Id == membershipId && m.WorkspaceId == workspaceId).Select(m => m.UserId).SingleOrDefaultAsync(cancel)
        : null;

    /// <summary>Ids of everybody in a workspace.</summary>
    public static Task<List<string>> InAsync(Db db, string workspaceId, CancellationToken cancel) =>
        db.Set<Membership>().AsNoTracking().Where(m => m.WorkspaceId == workspaceId).Select(m => m.UserId).ToListAsync(cancel);

    /// <summary>Ids of everybody whose role leads into a workspace: its members, and who has a role of the organization.</summary>
    public static Task<List<string>> ReachingAsync(Db db, Tenant place, CancellationToken cancel) => db.Set<Membership>().AsNoTracking()
        .Where(m => m.OrganizationId == place.OrganizationId && (m.WorkspaceId == place.WorkspaceId || m.WorkspaceId == null))
        .Select(m => m.UserId).Distinct().ToListAsync(cancel);

    /// <summary>Whether a caller may give, change or take a role: nobody acts on a role above their own.</summary>
    public static bool MayActOn(Caller caller, string role) => role switch
    {
        Roles.Owner => caller.Role == Roles.Owner || caller.IsAccount,
        Roles.Admin => caller.Role is Roles.Owner or Roles.Admin || caller.IsAccount || caller.Kind == KeyKind.Master,
        Roles.OrganizationOwner => caller.IsAccount,
        Roles.OrganizationAdmin or Roles.OrganizationBilling => caller.OrganizationPermissions.Has(Permissions.Of("organization:write")),
        _ => true,
    };
}
