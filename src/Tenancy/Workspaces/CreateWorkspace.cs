using System.ComponentModel;
using System.ComponentModel.DataAnnotations;
using Crew.Http;
using Crew.Kernel;
using Crew.Sealing;
using Crew.Storage;
using Crew.Tenancy.Members;
using Crew.Tenancy.Plans;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.EntityFrameworkCore;

namespace Crew.Tenancy.Workspaces;

internal static class CreateWorkspace
{
    internal sealed record Request(
        [property: Required, Description("1 to 200 characters; a label, not unique.")] string? Name,
        [property: Description("starter, professional or enterprise, which is the default.")] string? Plan);

    public static void Map(RouteGroupBuilder workspaces) =>
        workspaces.MapPost("/", Handle)
            .WithName("Workspaces.Create")
            .WithSummary("Make a workspace with its three crews. Needs an organization role or an account master key.")
            .WithMetadata(new CreatedRoute())
            .Requires(CrewSource.None, "workspaces:write")
            .WorkspaceLevel()
            .Audited("workspace.created")
            .Example("""{"name": "Client A"}""");

    private static async Task<Reply<WorkspaceAnswer>> Handle(Body<Request> body, Call call, Store store, StoredKeys keys, TimeProvider clock, CancellationToken cancel)
    {
        if (body.Fault is { } broken)
        {
            return broken;
        }

        if (Names.Check(body.Value.Name) is { } nameless)
        {
            return nameless;
        }

        if (Plan.Find(body.Value.Plan ?? "enterprise") is not { } plan)
        {
            return Faults.Invalid("plan", $"plan must be one of {string.Join(", ", Plan.All.Select(p => p.Id))}.");
        }

        var id = Id.New(IdPrefix.Workspace, clock);
        if (await keys.EnsureAsync(KeyScope.Workspace, id, KeyScope.Organization, call.Caller.OrganizationId, cancel) is { } fault)
        {
            return fault;
        }

        var made = await store.ChangeAsync<WorkspaceAnswer>(new Tenant(call.Caller.OrganizationId, id), call.Origin, async db =>
        {
            var owner = call.Caller.UserId ?? await db.Set<Membership>().Where(m => m.WorkspaceId == null && m.Role == Roles.OrganizationOwner)
                .OrderBy(m => m.Id).Select(m => m.UserId).FirstAsync();
            NewWorkspace.Add(db, call.Caller.OrganizationId, id, body.Value.Name!, plan.Id, owner, clock.GetUtcNow());
            await db.SaveChangesAsync();
            return WorkspaceAnswer.Of(await db.Set<Workspace>().SingleAsync(w => w.Id == id));
        }, cancel);
        return made.Failed(out var refused) ? refused : Reply<WorkspaceAnswer>.Created(made.Value, 1);
    }
}
