using Crew.Http;
using Crew.Kernel;
using Crew.Storage;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.EntityFrameworkCore;

namespace Crew.Tenancy.Members;

internal static class ListMembers
{
    internal sealed record Answer(string Id, string UserId, string Role, DateTimeOffset CreatedAt);

    public static void Map(RouteGroupBuilder members) =>
        members.MapGet("/", Handle)
            .WithName("Members.List")
            .WithSummary("List the people of this workspace with their roles.")
            .Requires(CrewSource.None, "members:read")
            .WorkspaceLevel();

    private static async Task<Reply<PageReply<Answer>>> Handle(Paging paging, Call call, Store store, CancellationToken cancel)
    {
        if (paging.Fault is { } fault)
        {
            return fault;
        }

        var page = await store.ReadAsync(call.Tenant, async db =>
        {
            var rows = await db.Set<Membership>().AsNoTracking()
                .Where(m => m.WorkspaceId == call.Workspace.Id && (paging.Cursor == null || string.Compare(m.Id, paging.Cursor) > 0))
                .OrderBy(m => m.Id).Take(paging.Limit + 1).ToListAsync(cancel);
            return Page<Membership>.From(rows, paging.Limit, m => Paging.Encode(m.Id));
        }, cancel);
        return new PageReply<Answer>(page.Select(m => new Answer(m.Id, m.UserId, m.Role, m.CreatedAt)));
    }
}
