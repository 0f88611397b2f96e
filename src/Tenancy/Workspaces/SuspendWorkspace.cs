using Crew.Http;
using Crew.Kernel;
using Crew.Storage;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.EntityFrameworkCore;

namespace Crew.Tenancy.Workspaces;

internal static class SuspendWorkspace
{
    public static void Map(RouteGroupBuilder workspaces)
    {
        workspaces.MapPost("/{id}/suspend", (string id, Call call, Store store, TimeProvider clock, CancellationToken cancel) =>
                SetAsync(id, call, store, clock.GetUtcNow(), cancel))
            .WithName("Workspaces.Suspend")
            .WithSummary("Stop all use of a workspace; its data stays. Needs an organization role.")
            .Requires(CrewSource.None, "workspaces:write")
            .WorkspaceLevel()
            .Audited("workspace.suspended")
            .Refuses("version_conflict");
        workspaces.MapPost("/{id}/resume", (string id, Call call, Store store, CancellationToken cancel) => SetAsync(id, call, store, null, cancel))
            .WithName("Workspaces.Resume")
            .WithSummary("Let a suspended workspace work again.")
            .Requires(CrewSource.None, "workspaces:write")
            .WorkspaceLevel()
            .Audited("workspace.resumed")
            .Refuses("version_conflict");
    }

    private static async Task<Reply<WorkspaceAnswer>> SetAsync(string id, Call call, Store store, DateTimeOffset? suspendedAt, CancellationToken cancel)
    {
        if (!Id.IsValid(id, IdPrefix.Workspace) || !call.Caller.OrganizationPermissions.Has(Permissions.Of("workspaces:write")))
        {
            return Faults.NotFound;
        }

        var changed = await store.ChangeAsync<Workspace>(new Tenant(call.Caller.OrganizationId, id), call.Origin, async db =>
        {
            if (await db.Set<Workspace>().SingleOrDefaultAsync(w => w.Id == id && w.DeletedAt == null) is not { } workspace)
            {
                return Faults.NotFound;
            }

            if (call.CheckVersion(workspace.Version) is { } stale)
            {
                return stale;
            }

            workspace.SuspendedAt = suspendedAt;
            workspace.Version++;
            db.Raise(new Event(suspendedAt is null ? "workspace.resumed" : "workspace.suspended", new Resource("workspace", id, workspace.Name)));
            db.Touch(WorkspaceDirectory.FeedTopic, id);
            return workspace;
        }, cancel);
        return changed.Failed(out var refused) ? refused : Reply<WorkspaceAnswer>.Ok(WorkspaceAnswer.Of(changed.Value), changed.Value.Version);
    }
}
