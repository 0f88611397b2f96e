using Crew.Http;
using Crew.Kernel;
using Crew.Storage;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.EntityFrameworkCore;

namespace Crew.Tenancy.Workspaces;

internal static class ListWorkspaces
{
    public static void Map(RouteGroupBuilder workspaces) =>
        workspaces.MapGet("/", Handle)
            .WithName("Workspaces.List")
            .WithSummary("List the workspaces that this credential reaches: its own, or all of the organization with workspaces:read.")
            .Requires(CrewSource.None, "workspace:read", "workspaces:read")
            .WorkspaceLevel();

    private static async Task<Reply<PageReply<WorkspaceAnswer>>> Handle(Paging paging, Call call, Store store, CancellationToken cancel)
    {
        if (paging.Fault is { } fault)
        {
            return fault;
        }

        var all = call.Caller.OrganizationPermissions.Has(Permissions.Of("workspaces:read"));
        var page = await store.ReadAsync(call.Tenant, async db =>
        {
            var rows = await db.Set<Workspace>().AsNoTracking()
                .Where(w => w.DeletedAt == null && (all || w.Id == call.Workspace.Id))
                .Where(w => paging.Cursor == null || string.Compare(w.Id, paging.Cursor) > 0)
                .OrderBy(w => w.Id).Take(paging.Limit + 1).ToListAsync(cancel);
            return Page<Workspace>.From(rows, paging.Limit, w => Paging.Encode(w.Id));
        }, cancel);
        return new PageReply<WorkspaceAnswer>(page.Select(WorkspaceAnswer.Of));
    }
}
