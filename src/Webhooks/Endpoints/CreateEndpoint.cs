using System.ComponentModel;
using System.ComponentModel.DataAnnotations;
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

internal static class CreateEndpoint
{
    internal sealed record Request(
        [property: Required, Description("A full https URL; http only to a host of this machine that the operator lists.")] string? Url,
        [property: Required, Description("Names of GET /v1/event-types, groups such as budget.*, or * for all.")] IReadOnlyList<string>? Events,
        [property: Description("whsec_ and base64 of 24 to 64 bytes, or a text of your own; leave it out to get one made.")] SecretText? Secret,
        [property: Description("The crew whose events it gets, beside those of the workspace that name no crew. Needed for events of a crew.")] string? CrewId,
        [property: Description("A label of at most 200 characters.")] string? Description,
        [property: Description("Headers of your own, added to each delivery. Their values are sealed and never shown.")] IReadOnlyDictionary<string, SecretText>? Headers,
        [property: Description("Whether nothing is sent before the endpoint has answered a challenge.")] bool? ChallengeRequired);

    public static void Map(RouteGroupBuilder webhooks) =>
        webhooks.MapPost("/", Handle)
            .WithName("Webhooks.Create")
            .WithSummary("Make a webhook endpoint. Its secret is in this answer and never again.")
            .WithMetadata(new CreatedRoute())
            .Requires(CrewSource.Body, EndpointAccess.Write)
            .StepUp()
            .Audited("webhook.created")
            .Refuses("quota_exceeded", "crew_required", "egress_refused")
            .Example("""{"url": "https://example.com/hooks/crew", "events": ["api_key.*", "budget.warning"]}""");

    private static async Task<Reply<EndpointAnswer>> Handle(
        Body<Request> body, Call call, Store store, KeyRing ring, EgressPolicy egress, TimeProvider clock, CancellationToken cancel)
    {
        if (body.Fault is { } broken)
        {
            return broken;
        }

        var draft = Draft(body.Value, call, ring, egress, clock.GetUtcNow());
        if (draft.Failed(out var wrong))
        {
            return wrong;
        }

        var (endpoint, secret) = draft.Value;
        var made = await store.ChangeAsync<bool>(call.Tenant, call.Origin, async db =>
        {
            if (await db.Set<WebhookEndpoint>().CountAsync() >= call.Workspace.MaximumWebhooks)
            {
                return Faults.QuotaExceeded("max_webhooks", call.Workspace.MaximumWebhooks);
            }

            db.Add(endpoint);
            db.Add(new EndpointQueue { EndpointId = endpoint.Id, OrganizationId = endpoint.OrganizationId, WorkspaceId = endpoint.WorkspaceId });
            db.Raise(EndpointAccess.Happened(endpoint, "webhook.created",
                new FieldChange("url", null, EndpointAccess.HostOf(endpoint.Url)), new FieldChange("events", null, endpoint.Events)));
            db.Touch(EndpointDirectory.FeedTopic, endpoint.Id);
            return true;
        }, cancel);
        return made.Failed(out var fault)
            ? fault
            : Reply<EndpointAnswer>.Created(EndpointAnswer.Of(endpoint, null, clock.GetUtcNow(), secret), endpoint.Version, holdsSecret: true);
    }

    private static Outcome<(WebhookEndpoint Endpoint, SecretText Secret)> Draft(Request request, Call call, KeyRing ring, EgressPolicy egress, DateTimeOffset now)
    {
        var url = EndpointDraft.Url(request.Url, egress);
        var filter = EventFilter.Parse(request.Events);
        var secret = WebhookSecret.Take(request.Secret);
        if ((url.Fault ?? filter.Fault ?? secret.Fault ?? EndpointDraft.Description(request.Description) ?? CustomHeaders.Check(request.Headers)) is { } wrong)
        {
            return wrong;
        }

        var crew = EndpointDraft.Crew(request.CrewId, call);
        if ((crew.Fault ?? EndpointDraft.Events(filter.Value, crew.Value, call)) is { } refused)
        {
            return refused;
        }

        var endpoint = new WebhookEndpoint
        {
            Id = Id.New(IdPrefix.Webhook, now),
            OrganizationId = call.Tenant.OrganizationId,
            WorkspaceId = call.Tenant.WorkspaceId!,
            CrewId = crew.Value,
            Url = url.Value,
            Description = request.Description ?? "",
            Events = filter.Value.Patterns,
            HeaderNames = [],
            SecretSealed = [],
            Status = WebhookEndpoint.Active,
            ChallengeRequired = request.ChallengeRequired ?? false,
            CreatorType = call.Caller.Actor.Type,
            CreatorId = call.Caller.Actor.Id,
            CreatedAt = now,
            UpdatedAt = now,
        };
        endpoint.SealSecret(ring, secret.Value);
        SetHeaders(endpoint, ring, request.Headers);
        return (endpoint, secret.Value);
    }

    public static void SetHeaders(WebhookEndpoint endpoint, KeyRing ring, IReadOnlyDictionary<string, SecretText>? headers)
    {
        endpoint.HeaderNames = headers is null ? [] : [.. headers.Keys.Order(StringComparer.OrdinalIgnoreCase)];
        endpoint.HeadersSealed = headers is null or { Count: 0 } ? null : ring.Seal(KeyScope.Workspace, endpoint.WorkspaceId,
            WebhookEndpoint.CellOf(endpoint.WorkspaceId, "headers_sealed", endpoint.Id), CustomHeaders.ToJson(headers));
    }
}
