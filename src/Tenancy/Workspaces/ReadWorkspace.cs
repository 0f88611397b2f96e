using Crew.Http;
using Crew.Kernel;
using Crew.Storage;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.EntityFrameworkCore;

namespace Crew.Tenancy.Workspaces;

internal static class ReadWorkspace
{
    public static void Map(RouteGroupBuilder workspaces) =>
        workspaces.MapGet("/{id}", Handle)
            .WithName("Workspaces.Read")
            .WithSummary("Read one workspace with its settings.")
            .Requires(CrewSource.None, "workspace:read", "workspaces:read")
            .WorkspaceLevel();

    /// <summary>Whether the caller reaches that workspace at all: its own, or any of the organization with an organization right.</summary>
    public static bool Reaches(Call call, string id, string organizationRight) =>
        id == call.Workspace.Id || call.Caller.OrganizationPermissions.Has(Permissions.Of(organizationRight));

    private static async Task<Reply<WorkspaceAnswer>> Handle(string id, Call call, Store store, CancellationToken cancel)
    {
        if (!Id.IsValid(id, IdPrefix.Workspace) || !Reaches(call, id, "workspaces:read"))
        {
            return Faults.NotFound;
        }

        var workspace = await store.ReadAsync(call.Tenant, db =>
            db.Set<Workspace>().AsNoTracking().SingleOrDefaultAsync(w => w.Id == id && w.DeletedAt == null, cancel), cancel);
        return workspace is null ? Faults.NotFound : Reply<WorkspaceAnswer>.Ok(WorkspaceAnswer.Of(workspace), workspace.Version);
    }
}
