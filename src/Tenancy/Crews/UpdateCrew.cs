using System.ComponentModel;
using System.ComponentModel.DataAnnotations;
using Crew.Http;
using Crew.Kernel;
using Crew.Storage;
using Crew.Tenancy.Workspaces;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.EntityFrameworkCore;

namespace Crew.Tenancy.Crews;

internal static class UpdateCrew
{
    internal sealed record Request([property: Required, Description("1 to 200 characters.")] string? Name);

    public static void Map(RouteGroupBuilder crews) =>
        crews.MapPatch("/{id}", Handle)
            .WithName("Crews.Update")
            .WithSummary("Rename a crew.")
            .Requires(CrewSource.Path, "crews:write")
            .Audited("crew.updated")
            .Example("""{"name": "Support, EU"}""");

    private static async Task<Reply<CrewAnswer>> Handle(string id, Body<Request> body, Call call, Store store, CancellationToken cancel)
    {
        if (!ReadCrews.Sees(call, id))
        {
            return Faults.NotFound;
        }

        if (body.Fault is { } broken)
        {
            return broken;
        }

        if (Names.Check(body.Value.Name) is { } nameless)
        {
            return nameless;
        }

        var changed = await store.ChangeAsync<WorkspaceCrew>(call.Tenant, call.Origin, async db =>
        {
            if (await db.Set<WorkspaceCrew>().SingleOrDefaultAsync(c => c.Id == id) is not { } crew)
            {
                return Faults.NotFound;
            }

            if (call.CheckVersion(crew.Version) is { } stale)
            {
                return stale;
            }

            db.Raise(new Event("crew.updated", new Resource("crew", id, body.Value.Name)) { CrewId = id, Changes = [new FieldChange("name", crew.Name, body.Value.Name)] });
            (crew.Name, crew.Version) = (body.Value.Name!, crew.Version + 1);
            return crew;
        }, cancel);
        return changed.Failed(out var refused) ? refused : Reply<CrewAnswer>.Ok(CrewAnswer.Of(changed.Value), changed.Value.Version);
    }
}
