using Crew.Http;
using Crew.Kernel;
using Crew.Tenancy.Contracts;

namespace Crew.Tenancy.Members;

/// <summary>People as principals of work behind a request: with the rights that they have now, in no session.</summary>
internal sealed class PersonPrincipals(PeopleDirectory people, IWorkspaceDirectory workspaces) : IPrincipalSource
{
    public string ActorType => "user";

    public async ValueTask<Caller?> FindAsync(Tenant workspace, string actorId, CancellationToken cancel)
    {
        if (await workspaces.FindAsync(workspace.OrganizationId, workspace.WorkspaceId!, cancel) is not { } view
            || (await people.FindAsync(actorId, cancel))?.RightsIn(view) is not { } rights)
        {
            return null;
        }

        return new Caller
        {
            Actor = new Actor("user", actorId),
            OrganizationId = workspace.OrganizationId,
            WorkspaceId = workspace.WorkspaceId!,
            Kind = KeyKind.User,
            UserId = actorId,
            LineageId = actorId,
            Role = rights.Role,
            Permissions = rights.Permissions,
            WithheldInProduction = rights.WithheldInProduction,
            OrganizationPermissions = rights.Organization,
            IsAccount = rights.IsOrganizationOwner,
            Environments = rights.Environments,
        };
    }
}
