using Crew.Sealing;
using Crew.Storage;
using Crew.Webhooks.Endpoints;

namespace Crew.Webhooks.Delivery;

/// <summary>What all runs of a node share.</summary>
internal sealed record DeliveryTools(
    Store Store, KeyRing Ring, EndpointDirectory Directory, DeliveryRights Rights, DeliverySender Sender, AttemptBook Book, EndpointFate Fate,
    DeliverySlots Slots, WebhookOptions Options, TimeProvider Clock, string Holder)
{
    public bool IsSqlite => Store.Dialect == "sqlite";

    /// <summary>The time that all nodes share.</summary>
    public DateTimeOffset Now => Store.Node.GetUtcNow();
}
