using Crew.Http;
using Crew.Kernel;
using Crew.Sealing;
using Crew.Storage;
using Crew.Webhooks.Endpoints;
using Crew.Webhooks.Events;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.EntityFrameworkCore;

namespace Crew.Webhooks.Delivery;

/// <summary>Deliveries to read, and to send again.</summary>
internal static class DeliveryRoutes
{
    private static readonly string[] States = [DeliveryRecord.Pending, DeliveryRecord.Delivered, DeliveryRecord.Failed];
    private static readonly string[] Parameters = ["status", "event_id", "from", "to", "limit", "cursor"];

    /// <summary>Takes no fields; a body, if there is one, is an empty object.</summary>
    internal sealed record RedeliverRequest;

    public static void Map(RouteGroupBuilder webhooks, RouteGroupBuilder deliveries)
    {
        webhooks.MapGet("/{id}/deliveries", ListAsync)
            .WithName("Webhooks.Deliveries")
            .WithSummary("List the deliveries to an endpoint, newest first, with each attempt and at most 1 KB of the last response's text.")
            .Requires(CrewSource.None, EndpointAccess.Read)
            .Takes(
                new QueryParameter("status", "pending, delivered or failed."),
                new QueryParameter("event_id", "The event that they carry."),
                new QueryParameter("from", "The first moment, included."),
                new QueryParameter("to", "The end, not included."));
        deliveries.MapGet("/{id}", ReadAsync)
            .WithName("WebhookDeliveries.Read")
            .WithSummary("Read one delivery.")
            .Requires(CrewSource.None, EndpointAccess.Read);
        deliveries.MapPost("/{id}/redeliver", RedeliverAsync)
            .WithName("WebhookDeliveries.Redeliver")
            .WithSummary("Send a delivery again, under the same ids, with attempts counted anew.")
            .WithMetadata(new AcceptedRoute())
            .Requires(CrewSource.None, EndpointAccess.Write)
            .Audited("none: it changes nothing; the attempts are listed");
    }

    /// <summary>The deliveries to endpoints that a credential sees.</summary>
    private static IQueryable<DeliveryRecord> Visible(Db db, Call call) =>
        db.Set<DeliveryRecord>().Where(d => EndpointAccess.Visible(db, call).Any(e => e.Id == d.EndpointId));

    private static async Task<Reply<PageReply<DeliveryAnswer>>> ListAsync(string id, Paging paging, Call call, Store store, KeyRing ring, CancellationToken cancel)
    {
        var query = call.Http.Request.Query;
        if (query.Keys.FirstOrDefault(name => !Parameters.Contains(name)) is { } unknown)
        {
            return HttpFaults.UnknownField(CleanText.Of(unknown, 100)!);
        }

        if (paging.Fault is { } unpaged)
        {
            return unpaged;
        }

        var (status, eventId) = (query["status"].ToString(), query["event_id"].ToString());
        var span = TimeSpanQuery.Of(query);
        var wrong = status.Length > 0 && !States.Contains(status) ? Faults.Invalid("status", "status must be pending, delivered or failed.") : span.Fault;
        var page = await store.ReadAsync<Page<DeliveryRecord>?>(call.Tenant, async db =>
        {
            if (await EndpointAccess.FindAsync(db, id, call) is null)
            {
                return null;
            }

            if (wrong is not null)
            {
                return new Page<DeliveryRecord>([], null);
            }

            var rows = db.Set<DeliveryRecord>().AsNoTracking().Where(d => d.EndpointId == id);
            rows = status.Length > 0 ? rows.Where(d => d.State == status) : rows;
            rows = eventId.Length > 0 ? rows.Where(d => d.EventId == eventId) : rows;
            rows = span.Value.From is { } from ? rows.Where(d => d.At >= from) : rows;
            rows = span.Value.To is { } to ? rows.Where(d => d.At < to) : rows;
            rows = paging.Cursor is { } cursor ? rows.Where(d => string.Compare(d.Id, cursor) < 0) : rows;
            return Page<DeliveryRecord>.From(await rows.OrderByDescending(d => d.Id).Take(paging.Limit + 1).ToListAsync(cancel), paging.Limit, d => Paging.Encode(d.Id));
        }, cancel);
        return page is null ? Faults.NotFound : wrong is not null ? wrong : new PageReply<DeliveryAnswer>(page.Select(d => AnswerOf(d, ring)));
    }

    private static async Task<Reply<DeliveryAnswer>> ReadAsync(string id, Call call, Store store, KeyRing ring, CancellationToken cancel)
    {
        var found = Id.IsValid(id, IdPrefix.Delivery)
            ? await store.ReadAsync(call.Tenant, db => Visible(db, call).AsNoTracking().SingleOrDefaultAsync(d => d.Id == id, cancel), cancel)
            : null;
        return found is null ? Faults.NotFound : AnswerOf(found, ring);
    }

    private static async Task<Reply<DeliveryAnswer>> RedeliverAsync(
        string id, Body<RedeliverRequest> body, Call call, Store store, KeyRing ring, DeliveryInbox inbox, TimeProvider clock, CancellationToken cancel)
    {
        var now = clock.GetUtcNow();
        var again = await store.ChangeAsync<DeliveryRecord>(call.Tenant, call.Origin, async db =>
        {
            if (!Id.IsValid(id, IdPrefix.Delivery) || await Visible(db, call).SingleOrDefaultAsync(d => d.Id == id) is not { } delivery)
            {
                return Faults.NotFound;
            }

            if (body.Fault is { } broken)
            {
                return broken;
            }

            Replay.Reopen(delivery, now);
            await Replay.NudgeAsync(db, delivery.EndpointId, now, inOrder: false);
            return delivery;
        }, cancel);
        inbox.Nudge();
        return again.Failed(out var fault) ? fault : Reply<DeliveryAnswer>.Accepted(AnswerOf(again.Value, ring));
    }

    private static DeliveryAnswer AnswerOf(DeliveryRecord delivery, KeyRing ring) => DeliveryAnswer.Of(delivery,
        delivery.ResponseSealed is { } text && ring.TryOpenText(
            KeyScope.Workspace, delivery.WorkspaceId, DeliveryRecord.CellOf(delivery.WorkspaceId, delivery.Id), text, out var shown) ? shown : null);
}
