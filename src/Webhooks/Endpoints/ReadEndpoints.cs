using Crew.Http;
using Crew.Kernel;
using Crew.Storage;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.EntityFrameworkCore;

namespace Crew.Webhooks.Endpoints;

internal static class ReadEndpoints
{
    public static void Map(RouteGroupBuilder webhooks)
    {
        webhooks.MapGet("/", ListAsync)
            .WithName("Webhooks.List")
            .WithSummary("List webhook endpoints, newest last; never their secrets.")
            .Requires(CrewSource.None, EndpointAccess.Read);
        webhooks.MapGet("/{id}", ReadAsync)
            .WithName("Webhooks.Read")
            .WithSummary("Read one webhook endpoint and how it answers.")
            .Requires(CrewSource.None, EndpointAccess.Read);
    }

    private static async Task<Reply<PageReply<EndpointAnswer>>> ListAsync(Paging paging, Call call, Store store, TimeProvider clock, CancellationToken cancel)
    {
        if (paging.Fault is { } fault)
        {
            return fault;
        }

        var page = await store.ReadAsync(call.Tenant, async db =>
        {
            var rows = await EndpointAccess.Visible(db, call).AsNoTracking()
                .Where(e => paging.Cursor == null || string.Compare(e.Id, paging.Cursor) > 0)
                .OrderBy(e => e.Id).Take(paging.Limit + 1)
                .GroupJoin(db.Set<EndpointQueue>(), e => e.Id, q => q.EndpointId, (e, queues) => new { Endpoint = e, queues })
                .SelectMany(j => j.queues.DefaultIfEmpty(), (j, queue) => new { j.Endpoint, Queue = queue })
                .OrderBy(j => j.Endpoint.Id).ToListAsync(cancel);
            return Page<(WebhookEndpoint Endpoint, EndpointQueue? Queue)>.From(
                rows.ConvertAll(r => (r.Endpoint, r.Queue)), paging.Limit, r => Paging.Encode(r.Endpoint.Id));
        }, cancel);
        var now = clock.GetUtcNow();
        return new PageReply<EndpointAnswer>(page.Select(r => EndpointAnswer.Of(r.Endpoint, r.Queue, now)));
    }

    private static async Task<Reply<EndpointAnswer>> ReadAsync(string id, Call call, Store store, TimeProvider clock, CancellationToken cancel)
    {
        var (endpoint, queue) = await store.ReadAsync(call.Tenant, async db =>
        {
            var found = await EndpointAccess.FindAsync(db, id, call);
            return (found, found is null ? null : await db.Set<EndpointQueue>().AsNoTracking().SingleOrDefaultAsync(q => q.EndpointId == id, cancel));
        }, cancel);
        return endpoint is null ? Faults.NotFound : Reply<EndpointAnswer>.Ok(EndpointAnswer.Of(endpoint, queue, clock.GetUtcNow()), endpoint.Version);
    }
}
