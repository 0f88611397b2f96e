using Crew.Kernel;
using Crew.Sealing;
using Crew.Storage;
using Crew.Webhooks.Catalogue;
using Crew.Webhooks.Delivery;
using Crew.Webhooks.Endpoints;

namespace Crew.Webhooks.Events;

/// <summary>
/// Writes the events of a transaction, and a delivery for each endpoint that asks for one, into that same transaction: what has committed is
/// kept until it is delivered or listed as failed, whatever dies in between.
/// </summary>
internal sealed class EventOutbox(Lazy<KeyRing> ring, EndpointDirectory endpoints, DeliveryInbox inbox, TimeProvider clock) : IEventSink
{
    public void Write(Db db, Origin origin, IReadOnlyList<Event> events)
    {
        for (var index = 0; index < events.Count; index++)
        {
            var happened = events[index];
            if (happened.Log is EventLog.Installation or EventLog.Organization
                || (db.CurrentTenant ?? happened.Tenant) is not { WorkspaceId: not null } tenant
                || EventTypes.Find(happened.Type) is not { IsRaised: true } type)
            {
                continue;
            }

            Add(db, tenant, type, happened.CrewId, EventText.DataOf(happened, origin.Actor), endpoints.Of(tenant.WorkspaceId!));
        }
    }

    /// <summary>Adds one event, with deliveries to those of <paramref name="listeners"/> that ask for it.</summary>
    public StoredEvent Add(Db db, Tenant tenant, EventType type, string? crewId, byte[] data, IEnumerable<EndpointView> listeners)
    {
        var now = clock.GetUtcNow();
        var stored = Store(tenant, type.Name, crewId, data, now);
        db.Append(new EventRow(stored));
        foreach (var endpoint in listeners)
        {
            if (endpoint.TakesDeliveries && endpoint.NameOf(type, crewId) is { } name)
            {
                db.Append(new DeliveryRow(NewDelivery.Of(endpoint, stored, name, now), stored, data, inbox));
            }
        }

        return stored;
    }

    private StoredEvent Store(Tenant tenant, string type, string? crewId, byte[] data, DateTimeOffset now)
    {
        var id = Id.New(IdPrefix.Event, now);
        return new StoredEvent
        {
            Id = id,
            At = now,
            OrganizationId = tenant.OrganizationId,
            WorkspaceId = tenant.WorkspaceId!,
            CrewId = crewId,
            Type = type,
            DataSealed = ring.Value.Seal(KeyScope.Workspace, tenant.WorkspaceId!, StoredEvent.CellOf(tenant.WorkspaceId!, id), data),
        };
    }
}
