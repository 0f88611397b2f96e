using System.ComponentModel;
using Crew.Http;
using Crew.Kernel;
using Crew.Sealing;
using Crew.Sealing.Egress;
using Crew.Storage;
using Crew.Webhooks.Catalogue;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.EntityFrameworkCore;

namespace Crew.Webhooks.Endpoints;

internal static class UpdateEndpoint
{
    internal sealed record Request(
        [property: Description("A new address. A required challenge has to be answered anew.")] string? Url,
        [property: Description("Names, groups or *; they take the place of the former ones.")] IReadOnlyList<string>? Events,
        [property: Description("A label of at most 200 characters.")] string? Description,
        [property: Description("active or paused. What happens while it is paused waits. Whoever sets it active is its creator from then on.")] string? Status,
        [property: Description("Headers of your own; they take the place of the former ones.")] IReadOnlyDictionary<string, SecretText>? Headers,
        [property: Description("Whether nothing is sent before the endpoint has answered a challenge.")] bool? ChallengeRequired);

    public static void Map(RouteGroupBuilder webhooks) =>
        webhooks.MapPatch("/{id}", Handle)
            .WithName("Webhooks.Update")
            .WithSummary("Change a webhook endpoint; pause it, or let it go on.")
            .Requires(CrewSource.None, EndpointAccess.Write)
            .Audited("webhook.updated", "webhook.paused")
            .Refuses("crew_required", "egress_refused")
            .Example("""{"status": "paused"}""");

    private static async Task<Reply<EndpointAnswer>> Handle(
        string id, Body<Request> body, Call call, Store store, KeyRing ring, EgressPolicy egress, TimeProvider clock, CancellationToken cancel)
    {
        if (body.Fault is { } broken)
        {
            return broken;
        }

        var changed = await store.ChangeAsync<(WebhookEndpoint Endpoint, EndpointQueue? Queue)>(call.Tenant, call.Origin, async db =>
        {
            if (await EndpointAccess.FindAsync(db, id, call) is not { } endpoint)
            {
                return Faults.NotFound;
            }

            var queue = await db.Set<EndpointQueue>().SingleOrDefaultAsync(q => q.EndpointId == id);
            if ((call.CheckVersion(endpoint.Version) ?? Apply(db, endpoint, queue, body.Value, call, ring, egress, clock.GetUtcNow())) is { } refused)
            {
                return refused;
            }

            return (endpoint, queue);
        }, cancel);
        return changed.Failed(out var fault)
            ? fault
            : Reply<EndpointAnswer>.Ok(EndpointAnswer.Of(changed.Value.Endpoint, changed.Value.Queue, clock.GetUtcNow()), changed.Value.Endpoint.Version);
    }

    private static Fault? Apply(
        Db db, WebhookEndpoint endpoint, EndpointQueue? queue, Request request, Call call, KeyRing ring, EgressPolicy egress, DateTimeOffset now)
    {
        var changes = new List<FieldChange>();
        if ((SetPlace(endpoint, request, call, egress, changes) ?? CustomHeaders.Check(request.Headers)) is { } wrong)
        {
            return wrong;
        }

        if (request.Headers is { } headers)
        {
            changes.Add(new FieldChange("headers", endpoint.HeaderNames, headers.Keys.Order(StringComparer.OrdinalIgnoreCase).ToList()));
            CreateEndpoint.SetHeaders(endpoint, ring, headers);
        }

        if (request.ChallengeRequired is { } challenge && challenge != endpoint.ChallengeRequired)
        {
            changes.Add(new FieldChange("challenge_required", endpoint.ChallengeRequired, challenge));
            endpoint.ChallengeRequired = challenge;
        }

        if (SetStatus(endpoint, queue, request.Status, call, now, changes) is { } impossible)
        {
            return impossible;
        }

        if (changes.Count > 0)
        {
            endpoint.Version++;
            endpoint.UpdatedAt = now;
            db.Raise(EndpointAccess.Happened(endpoint, changes.Exists(c => c is { Field: "status", To: WebhookEndpoint.Paused }) ? "webhook.paused" : "webhook.updated", [.. changes]));
            db.Touch(EndpointDirectory.FeedTopic, endpoint.Id);
        }

        return null;
    }

    private static Fault? SetPlace(WebhookEndpoint endpoint, Request request, Call call, EgressPolicy egress, List<FieldChange> changes)
    {
        if (request.Url is not null)
        {
            var url = EndpointDraft.Url(request.Url, egress);
            if (url.Failed(out var unusable))
            {
                return unusable;
            }

            if (url.Value != endpoint.Url)
            {
                changes.Add(new FieldChange("url", EndpointAccess.HostOf(endpoint.Url), EndpointAccess.HostOf(url.Value)));
                (endpoint.Url, endpoint.VerifiedAt) = (url.Value, null);
            }
        }

        if (request.Events is not null)
        {
            var filter = EventFilter.Parse(request.Events);
            if ((filter.Fault ?? EndpointDraft.Events(filter.Value, endpoint.CrewId, call)) is { } wrong)
            {
                return wrong;
            }

            changes.Add(new FieldChange("events", endpoint.Events, filter.Value.Patterns));
            endpoint.Events = filter.Value.Patterns;
        }

        if (request.Description is { } description && description != endpoint.Description)
        {
            changes.Add(new FieldChange("description", endpoint.Description, description));
            endpoint.Description = description;
        }

        return EndpointDraft.Description(request.Description);
    }

    /// <summary>Going on makes whoever asks for it the creator: their rights bound it, and it catches up with what has waited.</summary>
    private static Fault? SetStatus(WebhookEndpoint endpoint, EndpointQueue? queue, string? status, Call call, DateTimeOffset now, List<FieldChange> changes)
    {
        if (status is null || status == endpoint.Status)
        {
            return null;
        }

        if (status is not (WebhookEndpoint.Active or WebhookEndpoint.Paused))
        {
            return Faults.Invalid("status", "status must be active or paused. To end an endpoint for good, delete it.");
        }

        changes.Add(new FieldChange("status", endpoint.Status, status));
        (endpoint.Status, endpoint.StatusReason) = (status, status == WebhookEndpoint.Paused ? "by_request" : null);
        if (status == WebhookEndpoint.Active)
        {
            (endpoint.CreatorType, endpoint.CreatorId) = (call.Caller.Actor.Type, call.Caller.Actor.Id);
            if (queue is not null)
            {
                (queue.Health, queue.FailingSince, queue.DueAt) = (EndpointQueue.CatchingUp, null, now);
                queue.Kicks++;
            }
        }

        return null;
    }
}
