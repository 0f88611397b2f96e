using System.ComponentModel;
using System.ComponentModel.DataAnnotations;
using Crew.Http;
using Crew.Kernel;
using Crew.Storage;
using Crew.Webhooks.Catalogue;
using Crew.Webhooks.Endpoints;
using Crew.Webhooks.Events;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.EntityFrameworkCore;

namespace Crew.Webhooks.Delivery;

/// <summary>Sends a span of events again: failed deliveries, and events that never had one, because the endpoint was disabled or came later.</summary>
internal static class Replay
{
    /// <summary>Events of one step: what SQLite's writing thread does in a few milliseconds.</summary>
    private const int StepEvents = 100;

    private const int MostEvents = 10_000;

    internal sealed record Request(
        [property: Required, Description("The first moment, included.")] DateTimeOffset? From,
        [property: Description("The end, not included; now where left out.")] DateTimeOffset? To,
        [property: Description("Whether what was delivered is sent again, too.")] bool? IncludeDelivered);

    /// <summary>How many deliveries are on their way again, and from where to go on when there was more than one call takes.</summary>
    internal sealed record Answer(int Replayed, DateTimeOffset? NextFrom);

    public static void Map(RouteGroupBuilder webhooks) =>
        webhooks.MapPost("/{id}/replay", Handle)
            .WithName("Webhooks.Replay")
            .WithSummary("Send the events of a span again, in order: those whose delivery failed and those that had none, or all of them.")
            .WithMetadata(new AcceptedRoute())
            .Requires(CrewSource.None, EndpointAccess.Write)
            .Audited("none: it changes nothing; the attempts are listed")
            .Example("""{"from": "2026-11-20T00:00:00Z"}""");

    private static async Task<Reply<Answer>> Handle(
        string id, Body<Request> body, Call call, Store store, EndpointDirectory directory, DeliveryInbox inbox, TimeProvider clock, CancellationToken cancel)
    {
        var isThere = await store.ReadAsync(call.Tenant, async db => await EndpointAccess.FindAsync(db, id, call) is not null, cancel);
        if (!isThere || directory.Find(id) is not { } endpoint)
        {
            return Faults.NotFound;
        }

        if (body.Fault is { } broken)
        {
            return broken;
        }

        if (body.Value.From is not { } from)
        {
            return Faults.Invalid("from", "from must be an RFC 3339 time such as 2026-11-01T12:00:00Z.");
        }

        var (now, to) = (clock.GetUtcNow(), body.Value.To ?? clock.GetUtcNow());
        if (to < from)
        {
            return Faults.Invalid("to", "to lies before from.");
        }

        var (replayed, seen, after) = (0, 0, "");
        while (seen < MostEvents)
        {
            var (count, sent, last) = (0, 0, (StoredEvent?)null);
            var step = await store.ChangeAsync<bool>(call.Tenant, call.Origin, async db =>
            {
                (count, sent, last) = await StepAsync(db, endpoint, from, to, after, body.Value.IncludeDelivered ?? false, inbox, now);
                await NudgeAsync(db, id, now, inOrder: true);
                return true;
            }, cancel);
            if (step.Failed(out var fault))
            {
                return fault;
            }

            (replayed, seen) = (replayed + sent, seen + count);
            if (count < StepEvents)
            {
                inbox.Nudge();
                return Reply<Answer>.Accepted(new Answer(replayed, null));
            }

            (after, from) = (last!.Id, last.At);
        }

        inbox.Nudge();
        return Reply<Answer>.Accepted(new Answer(replayed, from));
    }

    private static async Task<(int Count, int Sent, StoredEvent? Last)> StepAsync(
        Db db, EndpointView endpoint, DateTimeOffset from, DateTimeOffset to, string after, bool includeDelivered, DeliveryInbox inbox, DateTimeOffset now)
    {
        var events = await db.Set<StoredEvent>().AsNoTracking()
            .Where(e => e.At >= from && e.At < to && string.Compare(e.Id, after) > 0).OrderBy(e => e.Id).Take(StepEvents).ToListAsync();
        var ids = events.ConvertAll(e => e.Id);
        var known = (await db.Set<DeliveryRecord>().Where(d => d.EndpointId == endpoint.Id && ids.Contains(d.EventId)).ToListAsync()).ToLookup(d => d.EventId);
        var sent = 0;
        foreach (var happened in events)
        {
            if (known[happened.Id].OrderByDescending(d => d.Id).FirstOrDefault() is { } delivery)
            {
                if (delivery.State == DeliveryRecord.Failed || (includeDelivered && delivery.State == DeliveryRecord.Delivered))
                {
                    Reopen(delivery, now);
                    sent++;
                }
            }
            else if (EventTypes.Find(happened.Type) is { } type && endpoint.NameOf(type, happened.CrewId) is { } name)
            {
                // Without data there is nothing to hand over in memory: the worker reads it, in order.
                db.Append(new DeliveryRow(NewDelivery.Of(endpoint, happened, name, now), happened, [], inbox) { IsSilent = true });
                sent++;
            }
        }

        return (events.Count, sent, events.Count == 0 ? null : events[^1]);
    }

    public static void Reopen(DeliveryRecord delivery, DateTimeOffset now) =>
        (delivery.State, delivery.IsOpen, delivery.Attempts, delivery.NextAt) = (DeliveryRecord.Pending, 1, 0, now);

    public static async Task NudgeAsync(Db db, string endpointId, DateTimeOffset now, bool inOrder)
    {
        if (await db.Set<EndpointQueue>().SingleOrDefaultAsync(q => q.EndpointId == endpointId) is { } queue)
        {
            queue.Kicks++;
            queue.DueAt = now;
            queue.Health = inOrder && queue.Health == EndpointQueue.Well ? EndpointQueue.CatchingUp : queue.Health;
        }
    }
}
