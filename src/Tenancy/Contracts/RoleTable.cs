using Crew.Kernel;
using Crew.Tenancy.Members;

namespace Crew.Tenancy.Contracts;

/// <summary>The roles as data, for the tables of the documentation.</summary>
public static class RoleTable
{
    public static IReadOnlyList<string> WorkspaceRoles => Roles.OfWorkspace;

    public static IReadOnlyList<string> OrganizationRoles => Roles.OfOrganization;

    /// <summary>What a workspace role may do in crews of an environment, under the workspace's two settings.</summary>
    public static PermissionSet InWorkspace(string role, CrewEnvironment environment, bool membersMayEditProduction, bool viewersMayReadTranscripts) =>
        Roles.InWorkspace(role, environment, membersMayEditProduction, viewersMayReadTranscripts);

    /// <summary>What an organization role may do at organization level.</summary>
    public static PermissionSet InOrganization(string role) => Roles.InOrganization(role);
}
