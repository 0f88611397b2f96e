using Crew.Kernel;
using Crew.Storage;
using Crew.Webhooks.Endpoints;
using Crew.Webhooks.Events;
using Microsoft.EntityFrameworkCore;

namespace Crew.Webhooks.Delivery;

/// <summary>One event on its way to one endpoint.</summary>
internal sealed class DeliveryRecord : IWorkspaceOwned
{
    public const string TableName = "webhooks_deliveries";

    /// <summary>An attempt is to come.</summary>
    public const string Pending = "pending";

    public const string Delivered = "delivered";

    /// <summary>No attempt is to come by itself, save the replay after the endpoint recovers (<see cref="IsOpen"/>).</summary>
    public const string Failed = "failed";

    public required string Id { get; init; }

    public required DateTimeOffset At { get; init; }

    public required string OrganizationId { get; init; }

    public required string WorkspaceId { get; init; }

    public required string EndpointId { get; init; }

    public required string EventId { get; init; }

    /// <summary>The event's name as this subscriber gets it.</summary>
    public required string Type { get; init; }

    public string State { get; set; } = Pending;

    /// <summary>1 while something is still to be done for it.</summary>
    public long IsOpen { get; set; } = 1;

    /// <summary>Attempts made so far.</summary>
    public long Attempts { get; set; }

    /// <summary>When the next attempt is due.</summary>
    public DateTimeOffset NextAt { get; set; }

    /// <summary>The attempts as a JSON list of time, status, error and latency.</summary>
    public string? Log { get; set; }

    /// <summary>At most 1 KB of the last response's text, sealed under the workspace's key.</summary>
    public byte[]? ResponseSealed { get; set; }

    public static Sealing.Cell CellOf(string workspaceId, string id) => new(workspaceId, TableName, "response_sealed", id);

    public static void Map(ModelBuilder model) => model.Entity<DeliveryRecord>(delivery =>
    {
        delivery.ToTable(TableName);
        delivery.HasKey(d => d.Id);
        delivery.HasIndex(d => new { d.EndpointId, d.Id }).HasDatabaseName("webhooks_deliveries_endpoint");
        delivery.HasIndex(d => new { d.EndpointId, d.NextAt }).HasFilter("is_open = 1").HasDatabaseName("webhooks_deliveries_open");
        delivery.HasIndex(d => new { d.WorkspaceId, d.At }).HasDatabaseName("webhooks_deliveries_time");
    });
}

/// <summary>Makes deliveries.</summary>
internal static class NewDelivery
{
    public static DeliveryRecord Of(EndpointView endpoint, StoredEvent happened, string name, DateTimeOffset now) => new()
    {
        Id = Id.New(IdPrefix.Delivery, now),
        At = now,
        OrganizationId = happened.OrganizationId,
        WorkspaceId = happened.WorkspaceId,
        EndpointId = endpoint.Id,
        EventId = happened.Id,
        Type = name,
        NextAt = now,
    };
}

/// <summary>A delivery on its way into the outbox; once it is there, the workers of this node hear of it.</summary>
internal sealed class DeliveryRow(DeliveryRecord delivery, StoredEvent happened, byte[] data, DeliveryInbox inbox) : AppendRow
{
    private static readonly AppendTable Deliveries = new(DeliveryRecord.TableName,
        new("id", ColumnKind.Text), new("at", ColumnKind.Integer), new("organization_id", ColumnKind.Text), new("workspace_id", ColumnKind.Text),
        new("endpoint_id", ColumnKind.Text), new("event_id", ColumnKind.Text), new("type", ColumnKind.Text), new("state", ColumnKind.Text),
        new("is_open", ColumnKind.Integer), new("attempts", ColumnKind.Integer), new("next_at", ColumnKind.Integer));

    public override AppendTable Table => Deliveries;

    public override void Write(IRowWriter writer)
    {
        writer.Text(delivery.Id);
        writer.Integer(delivery.At.ToUnixTimeMilliseconds());
        writer.Text(delivery.OrganizationId);
        writer.Text(delivery.WorkspaceId);
        writer.Text(delivery.EndpointId);
        writer.Text(delivery.EventId);
        writer.Text(delivery.Type);
        writer.Text(delivery.State);
        writer.Integer(delivery.IsOpen);
        writer.Integer(delivery.Attempts);
        writer.Integer(delivery.NextAt.ToUnixTimeMilliseconds());
    }

    /// <summary>Whether workers find it by way of the database.</summary>
    public bool IsSilent { get; init; }

    public override void Committed()
    {
        if (!IsSilent)
        {
            inbox.Offer(new Parcel(delivery.Id, delivery.EndpointId, happened, delivery.Type, data, 0));
        }
    }
}
