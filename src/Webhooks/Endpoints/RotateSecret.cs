using System.ComponentModel;
using Crew.Http;
using Crew.Kernel;
using Crew.Sealing;
using Crew.Storage;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace Crew.Webhooks.Endpoints;

internal static class RotateSecret
{
    private const int MostOverlapSeconds = 2_592_000;
    private const int UsualOverlapSeconds = 86_400;

    internal sealed record Request(
        [property: Description("A secret of your own; leave it out to get one made.")] SecretText? Secret,
        [property: Description("For how long the former secret signs, too: 0 to 2592000, a day where left out.")] int? OverlapSeconds);

    public static void Map(RouteGroupBuilder webhooks) =>
        webhooks.MapPost("/{id}/rotate-secret", Handle)
            .WithName("Webhooks.RotateSecret")
            .WithSummary("Replace the secret of an endpoint. The new one is in this answer and never again; both sign until the overlap ends.")
            .Requires(CrewSource.None, EndpointAccess.Write)
            .StepUp()
            .Audited("webhook.secret.rotated")
            .Example("""{"overlap_seconds": 3600}""");

    private static async Task<Reply<EndpointAnswer>> Handle(
        string id, Body<Request> body, Call call, Store store, KeyRing ring, TimeProvider clock, CancellationToken cancel)
    {
        if (body.Fault is { } broken)
        {
            return broken;
        }

        var overlap = body.Value.OverlapSeconds ?? UsualOverlapSeconds;
        var secret = WebhookSecret.Take(body.Value.Secret);
        var wrong = overlap is < 0 or > MostOverlapSeconds
            ? Faults.Invalid("overlap_seconds", $"overlap_seconds must be from 0 to {MostOverlapSeconds} (30 days).")
            : secret.Fault;
        var now = clock.GetUtcNow();
        var rotated = await store.ChangeAsync<WebhookEndpoint>(call.Tenant, call.Origin, async db =>
        {
            if (await EndpointAccess.FindAsync(db, id, call) is not { } endpoint)
            {
                return Faults.NotFound;
            }

            if ((call.CheckVersion(endpoint.Version) ?? wrong) is { } refused)
            {
                return refused;
            }

            if (overlap == 0 || !endpoint.KeepFormer(ring, now.AddSeconds(overlap)))
            {
                (endpoint.FormerSecretSealed, endpoint.FormerEndsAt) = (null, null);
            }

            endpoint.SealSecret(ring, secret.Value);
            endpoint.Version++;
            endpoint.UpdatedAt = now;
            db.Raise(EndpointAccess.Happened(endpoint, "webhook.secret.rotated",
                new FieldChange("former_secret_ends_at", null, endpoint.FormerEndsAt is { } end ? Timestamp.ToText(end) : null)));
            db.Touch(EndpointDirectory.FeedTopic, endpoint.Id);
            return endpoint;
        }, cancel);
        return rotated.Failed(out var fault) ? fault : Reply<EndpointAnswer>.Secret(EndpointAnswer.Of(rotated.Value, null, now, secret.Value));
    }
}
