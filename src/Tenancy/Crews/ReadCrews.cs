using Crew.Http;
using Crew.Kernel;
using Crew.Storage;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.EntityFrameworkCore;

namespace Crew.Tenancy.Crews;

internal static class ReadCrews
{
    public static void Map(RouteGroupBuilder crews)
    {
        crews.MapGet("/", ListAsync)
            .WithName("Crews.List")
            .WithSummary("List the crews that this credential sees.")
            .Requires(CrewSource.None, "crews:read");
        crews.MapGet("/{id}", ReadAsync)
            .WithName("Crews.Read")
            .WithSummary("Read one crew.")
            .Requires(CrewSource.Path, "crews:read");
    }

    /// <summary>Whether the path names a crew that this credential sees. Otherwise it is a missing thing.</summary>
    public static bool Sees(Call call, string id) => call.Workspace.Crews.TryGetValue(id, out var environment) && call.Caller.Sees(id, environment);

    private static async Task<Reply<PageReply<CrewAnswer>>> ListAsync(Paging paging, Call call, Store store, CancellationToken cancel)
    {
        if (paging.Fault is { } fault)
        {
            return fault;
        }

        var visible = call.Workspace.Crews.Where(c => call.Caller.Sees(c.Key, c.Value)).Select(c => c.Key).ToList();
        var page = await store.ReadAsync(call.Tenant, async db =>
        {
            var rows = await db.Set<WorkspaceCrew>().AsNoTracking()
                .Where(c => visible.Contains(c.Id) && (paging.Cursor == null || string.Compare(c.Id, paging.Cursor) > 0))
                .OrderBy(c => c.Id).Take(paging.Limit + 1).ToListAsync(cancel);
            return Page<WorkspaceCrew>.From(rows, paging.Limit, c => Paging.Encode(c.Id));
        }, cancel);
        return new PageReply<CrewAnswer>(page.Select(CrewAnswer.Of));
    }

    private static async Task<Reply<CrewAnswer>> ReadAsync(string id, Call call, Store store, CancellationToken cancel)
    {
        var crew = Sees(call, id)
            ? await store.ReadAsync(call.Tenant, db => db.Set<WorkspaceCrew>().AsNoTracking().SingleOrDefaultAsync(c => c.Id == id, cancel), cancel)
            : null;
        return crew is null ? Faults.NotFound : Reply<CrewAnswer>.Ok(CrewAnswer.Of(crew), crew.Version);
    }
}
