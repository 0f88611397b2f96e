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

    /// <summary>Whether a person's role in this workspace is one that the caller may not act on.</summary>
    public static bool IsAbove(Person person, Call call) => person.RightsIn(call.Workspace) is { Role: { } role } && !People.MayActOn(call.Caller, role);
}
