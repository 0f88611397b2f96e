using System.Net.Http.Headers;
using Crew.Http;
using Crew.Kernel;
using Crew.Sealing.Egress;
using Crew.Webhooks.Catalogue;
using Crew.Webhooks.Endpoints;
using Crew.Webhooks.Events;

namespace Crew.Webhooks.Delivery;

/// <summary>Makes one attempt: signs the body, sends it through the guarded client, and judges the answer.</summary>
internal sealed class DeliverySender : IDisposable
{
    private const string UserAgent = "Crew-Webhooks/1.0";

    private readonly GuardedClient _client;
    private readonly TimeProvider _clock;

    public DeliverySender(GuardedHandlerFactory egress, WebhookOptions options, TimeProvider clock)
    {
        _clock = clock;
        _client = new GuardedClient(egress, EgressPurpose.Webhook, new EgressLimits
        {
            TotalTimeoutSeconds = options.AnswerSeconds,
            MaxResponseBodyBytes = Verdict.MostTextBytes,
        }, clock);
    }

    public async Task<Verdict> SendAsync(EndpointView endpoint, Parcel parcel, CancellationToken cancel)
    {
        var body = EventText.Envelope(parcel.Event, parcel.Type, parcel.Data);
        return await PostAsync(endpoint, parcel.Event.Id, parcel.Type, parcel.Id, body, cancel);
    }

    /// <summary>Sends a signed body and judges the answer.</summary>
    public async Task<Verdict> PostAsync(EndpointView endpoint, string id, string type, string deliveryId, byte[] body, CancellationToken cancel)
    {
        if (endpoint.Secret is not { } secret)
        {
            return new Verdict(VerdictKind.Retry, null, "secret_unreadable");
        }

        var now = _clock.GetUtcNow();
        var former = endpoint.FormerEndsAt > now ? endpoint.FormerSecret : null;
        using var request = new HttpRequestMessage(HttpMethod.Post, endpoint.Url) { Content = new ByteArrayContent(body) };
        request.Content.Headers.ContentType = new MediaTypeHeaderValue("application/json");
        foreach (var (name, value) in endpoint.Headers)
        {
            request.Headers.TryAddWithoutValidation(name, value);
        }

        request.Headers.TryAddWithoutValidation("User-Agent", UserAgent);
        request.Headers.TryAddWithoutValidation("X-Crew-Event", type);
        request.Headers.TryAddWithoutValidation("X-Crew-Delivery", deliveryId);
        request.Headers.TryAddWithoutValidation("X-Crew-Signature", Signature.Documented(former ?? secret, body));
        request.Headers.TryAddWithoutValidation("webhook-id", id);
        request.Headers.TryAddWithoutValidation("webhook-timestamp", Signature.TimeText(now));
        request.Headers.TryAddWithoutValidation("webhook-signature", Signature.Standard(former is null ? [secret] : [secret, former], id, now, body));
        return Verdict.Of(await _client.Send(request, cancel), _clock.GetUtcNow());
    }

    public void Dispose() => _client.Dispose();
}

/// <summary>What an endpoint may receive is what its creator may read at this moment.</summary>
internal sealed class DeliveryRights(Principals principals, IWorkspaceDirectory workspaces)
{
    /// <summary>The creator as they are now; null when they are gone.</summary>
    public ValueTask<Caller?> CreatorAsync(EndpointView endpoint, CancellationToken cancel) =>
        principals.FindAsync(endpoint.Tenant, endpoint.CreatorType, endpoint.CreatorId, cancel);

    public async ValueTask<bool> MayReadAsync(Caller creator, Parcel parcel, CancellationToken cancel)
    {
        if (EventTypes.Find(parcel.Event.Type) is not { } type)
        {
            return false;
        }

        if (type.Name == EventTypes.Test)
        {
            return true;
        }

        if (!creator.Permissions.Has(type.Reads) && !creator.OrganizationPermissions.Has(type.Reads))
        {
            return false;
        }

        if (creator.SeesWorkspaceLevel)
        {
            return true;
        }

        return type.Level == EventLevel.Crew && parcel.Event.CrewId is { } crewId
            && await workspaces.FindAsync(parcel.Event.OrganizationId, parcel.Event.WorkspaceId, cancel) is { } workspace
            && workspace.Crews.TryGetValue(crewId, out var environment) && creator.Sees(crewId, environment);
    }
}
