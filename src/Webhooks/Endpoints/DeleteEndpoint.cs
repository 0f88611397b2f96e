using Crew.Http;
using Crew.Kernel;
using Crew.Storage;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace Crew.Webhooks.Endpoints;

internal static class DeleteEndpoint
{
    public static void Map(RouteGroupBuilder webhooks) =>
        webhooks.MapDelete("/{id}", Handle)
            .WithName("Webhooks.Delete")
            .WithSummary("Remove a webhook endpoint. What is on its way may still arrive; its deliveries are gone from the lists.")
            .Requires(CrewSource.None, EndpointAccess.Write)
            .Audited("webhook.deleted");

    private static async Task<Reply<EndpointAnswer>> Handle(string id, Call call, Store store, TimeProvider clock, CancellationToken cancel)
    {
        var removed = await store.ChangeAsync<WebhookEndpoint>(call.Tenant, call.Origin, async db =>
        {
            if (await EndpointAccess.FindAsync(db, id, call) is not { } endpoint)
            {
                return Faults.NotFound;
            }

            if (call.CheckVersion(endpoint.Version) is { } stale)
            {
                return stale;
            }

            db.Remove(endpoint);
            db.Raise(EndpointAccess.Happened(endpoint, "webhook.deleted"));
            db.Touch(EndpointDirectory.FeedTopic, endpoint.Id);
            return endpoint;
        }, cancel);
        return removed.Failed(out var fault) ? fault : EndpointAnswer.Of(removed.Value, null, clock.GetUtcNow());
    }
}
