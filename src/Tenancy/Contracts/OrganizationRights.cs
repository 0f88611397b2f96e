using Crew.Kernel;
using Crew.Tenancy.Members;

namespace Crew.Tenancy.Contracts;

/// <summary>Organization-level rights that other modules attach to a caller.</summary>
public static class OrganizationRights
{
    /// <summary>What an account master carries at organization level: it counts as <c>org_owner</c>.</summary>
    public static PermissionSet OfAccountMaster { get; } = Roles.InOrganization(Roles.OrganizationOwner);
}
