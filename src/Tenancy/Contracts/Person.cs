using System.Collections.Frozen;
using Crew.Kernel;

namespace Crew.Tenancy.Contracts;

/// <summary>A role of a person, in an organization (no workspace) or in one of its workspaces.</summary>
/// <param name="Environments">What the role is narrowed to; null is all.</param>
/// <param name="ContentAccess">Whether the role reaches content.</param>
public sealed record PersonRole(
    string MembershipId, string OrganizationId, string? WorkspaceId, string Role, IReadOnlyList<CrewEnvironment>? Environments, bool ContentAccess);

/// <summary>A person as this node knows them, replaced as a whole when anything about them changes.</summary>
public sealed class Person
{
    public required string Id { get; init; }

    public required string Email { get; init; }

    public string? Name { get; init; }

    /// <summary>Whether a mail sent to the address was answered.</summary>
    public required bool IsVerified { get; init; }

    public required IReadOnlyList<PersonRole> Roles { get; init; }

    /// <summary>
    /// Where the person may go: each workspace that they belong to, and for an organization of which they have a role and no workspace, its
    /// first one.
    /// </summary>
    public required IReadOnlyList<Tenant> Places { get; init; }

    /// <summary>Fires when this is no longer what the person is: what acts on it asks the directory again.</summary>
    public CancellationToken Changed { get; init; }

    /// <summary>
    /// What the person may do in a workspace; null when nothing brings them there. A role of the organization alone gives its own rights and
    /// none in the workspace.
    /// </summary>
    public PersonRights? RightsIn(WorkspaceView workspace)
    {
        var member = Roles.FirstOrDefault(r => r.WorkspaceId == workspace.Id);
        var above = Roles.Where(r => r.WorkspaceId is null && r.OrganizationId == workspace.OrganizationId).ToList();
        if (member is null && above.Count == 0)
        {
            return null;
        }

        var organization = above.Aggregate(PermissionSet.None, (set, r) => set.Union(Members.Roles.InOrganization(r.Role)));
        var isOwner = above.Exists(r => r.Role == Members.Roles.OrganizationOwner);
        return member is null
            ? new PersonRights(null, PermissionSet.None, PermissionSet.None, organization, null, true, isOwner)
            : Narrowed(member, workspace, organization, isOwner);
    }

    private static PersonRights Narrowed(PersonRole member, WorkspaceView workspace, PermissionSet organization, bool isOwner)
    {
        PermissionSet In(CrewEnvironment environment) =>
            Members.Roles.InWorkspace(member.Role, environment, workspace.MembersMayEditProduction, workspace.ViewersMayReadTranscripts);

        var visible = member.Environments ?? CrewEnvironments.All;
        var content = member.ContentAccess ? PermissionSet.None : Members.Roles.Content;
        var rights = visible.Aggregate(PermissionSet.None, (set, environment) => set.Union(In(environment))).Except(content);
        var withheld = visible.Contains(CrewEnvironment.Production) ? rights.Except(In(CrewEnvironment.Production)) : PermissionSet.None;
        return new PersonRights(member.Role, rights, withheld, organization, member.Environments?.ToFrozenSet(), member.ContentAccess, isOwner);
    }
}

/// <summary>What a person may do in one workspace.</summary>
/// <param name="Role">Their role there; null when only a role of the organization brings them.</param>
/// <param name="Permissions">Rights in the workspace, over all environments that the membership reaches.</param>
/// <param name="WithheldInProduction">Those of them that do not hold for production crews.</param>
/// <param name="Organization">Rights at organization level.</param>
/// <param name="Environments">Environments that the membership is narrowed to; null is all.</param>
/// <param name="ContentAccess">Whether the membership reaches content.</param>
/// <param name="IsOrganizationOwner">Whether they own the organization.</param>
public sealed record PersonRights(
    string? Role, PermissionSet Permissions, PermissionSet WithheldInProduction, PermissionSet Organization, IReadOnlySet<CrewEnvironment>? Environments,
    bool ContentAccess, bool IsOrganizationOwner);
