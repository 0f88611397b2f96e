using Crew.Sealing;
using Crew.Storage;
using Crew.Webhooks.Delivery;
using Crew.Webhooks.Endpoints;
using Crew.Webhooks.Events;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;

namespace Crew.Webhooks;

/// <summary>Events for integrations: the outbox, webhook endpoints and their deliveries.</summary>
public static class WebhooksModule
{
    public static StoragePart Part { get; } = new WebhooksPart();

    /// <summary>Registers the outbox (as <see cref="IEventSink"/>); it is made before the store that it is given to, so it takes store and keys later.</summary>
    public static IServiceCollection AddWebhooks(this IServiceCollection services)
    {
        services.AddSingleton(new WebhookOptions());
        services.AddSingleton<DeliveryInbox>();
        services.AddSingleton(s => new EndpointDirectory(new Lazy<Store>(s.GetRequiredService<Store>), new Lazy<KeyRing>(s.GetRequiredService<KeyRing>)));
        services.AddSingleton(s => new EventOutbox(
            new Lazy<KeyRing>(s.GetRequiredService<KeyRing>), s.GetRequiredService<EndpointDirectory>(), s.GetRequiredService<DeliveryInbox>(),
            s.GetRequiredService<TimeProvider>()));
        services.AddSingleton<IEventSink>(s => s.GetRequiredService<EventOutbox>());
        services.AddSingleton<DeliveryRights>();
        services.AddSingleton<DeliverySender>();
        services.AddHostedService<DeliveryLoop>();
        services.AddSingleton<IExpiry, EventExpiry>();
        return services;
    }

    /// <summary>
    /// Loads the endpoints; once the store has started, and before anything is changed, be it by a command: a change that knows no endpoints
    /// would leave them out.
    /// </summary>
    public static Task StartWebhooksAsync(this IServiceProvider services, CancellationToken cancel) =>
        services.GetRequiredService<EndpointDirectory>().StartAsync(cancel);

    public static void MapWebhooks(this IEndpointRouteBuilder app)
    {
        ReadEvents.Map(app.MapGroup("/v1/events").WithTags("Events"));
        ListEventTypes.Map(app.MapGroup("/v1/event-types").WithTags("Events"));
        var webhooks = app.MapGroup("/v1/webhooks").WithTags("Webhooks");
        CreateEndpoint.Map(webhooks);
        ReadEndpoints.Map(webhooks);
        UpdateEndpoint.Map(webhooks);
        DeleteEndpoint.Map(webhooks);
        RotateSecret.Map(webhooks);
        TestEndpoint.Map(webhooks);
        VerifyEndpoint.Map(webhooks);
        Replay.Map(webhooks);
        DeliveryRoutes.Map(webhooks, app.MapGroup("/v1/webhook-deliveries").WithTags("Webhooks"));
    }

    private sealed class WebhooksPart : StoragePart
    {
        public override string Name => "webhooks";

        public override void Map(ModelBuilder model)
        {
            StoredEvent.Map(model);
            WebhookEndpoint.Map(model);
            EndpointQueue.Map(model);
            DeliveryRecord.Map(model);
        }
    }
}
