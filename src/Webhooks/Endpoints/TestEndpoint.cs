using Crew.Http;
using Crew.Kernel;
using Crew.Storage;
using Crew.Webhooks.Catalogue;
using Crew.Webhooks.Delivery;
using Crew.Webhooks.Events;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace Crew.Webhooks.Endpoints;

internal static class TestEndpoint
{
    /// <summary>Takes no fields; a body, if there is one, is an empty object.</summary>
    internal sealed record Request;

    public static void Map(RouteGroupBuilder webhooks) =>
        webhooks.MapPost("/{id}/test", Handle)
            .WithName("Webhooks.Test")
            .WithSummary("Send a webhook.test event to this endpoint alone, whatever it asks for. The answer is the delivery, still to come.")
            .WithMetadata(new AcceptedRoute())
            .Requires(CrewSource.None, EndpointAccess.Write)
            .Audited("none: a test changes nothing; its delivery is listed")
            .Refuses("webhook_not_verified");

    private static async Task<Reply<DeliveryAnswer>> Handle(
        string id, Body<Request> body, Call call, Store store, EventOutbox outbox, EndpointDirectory directory, DeliveryInbox inbox, TimeProvider clock,
        CancellationToken cancel)
    {
        if (body.Fault is { } broken)
        {
            return broken;
        }

        var sent = await store.ChangeAsync<DeliveryRecord>(call.Tenant, call.Origin, async db =>
        {
            if (await EndpointAccess.FindAsync(db, id, call) is not { } endpoint || directory.Find(endpoint.Id) is not { } view)
            {
                return Faults.NotFound;
            }

            if (endpoint is { ChallengeRequired: true, VerifiedAt: null })
            {
                return WebhookFaults.NotVerified;
            }

            var type = EventTypes.Find(EventTypes.Test)!;
            var data = EventText.TestData(endpoint.Id);
            var happened = outbox.Add(db, call.Tenant, type, endpoint.CrewId, data, []);
            var delivery = NewDelivery.Of(view, happened, type.Name, clock.GetUtcNow());
            db.Append(new DeliveryRow(delivery, happened, data, inbox));
            return delivery;
        }, cancel);
        return sent.Failed(out var fault) ? fault : Reply<DeliveryAnswer>.Accepted(DeliveryAnswer.Of(sent.Value, null));
    }
}
