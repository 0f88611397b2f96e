using Crew.Http;
using Crew.Kernel;
using Crew.Storage;
using Crew.Tenancy.Contracts;

namespace Crew.Identity.Sessions;

/// <summary>The people of a workspace, and who of them stands above a caller.</summary>
internal sealed class PeopleOf(Store store)
{
    public Task<List<string>> InAsync(Tenant tenant, CancellationToken cancel) =>
        store.ReadAsync(tenant, db => People.InAsync(db, tenant.WorkspaceId!, cancel), cancel);

    /// <summary>Whether a person has a role, in this workspace or in its organization, that the caller may not act on.</summary>
    public static bool IsAbove(Person person, Call call) => person.Roles.Any(held =>
        (held.WorkspaceId == call.Workspace.Id || (held.WorkspaceId is null && held.OrganizationId == call.Workspace.OrganizationId))
        && !People.MayActOn(call.Caller, held.Role));
}
