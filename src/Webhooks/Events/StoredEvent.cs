using Crew.Sealing;
using Crew.Storage;
using Microsoft.EntityFrameworkCore;

namespace Crew.Webhooks.Events;

/// <summary>An event as it is kept: what has happened once, for all who hear of it.</summary>
internal sealed class StoredEvent : IWorkspaceOwned
{
    public const string TableName = "webhooks_events";

    public required string Id { get; init; }

    public required DateTimeOffset At { get; init; }

    public required string OrganizationId { get; init; }

    public required string WorkspaceId { get; init; }

    public string? CrewId { get; init; }

    public required string Type { get; init; }

    /// <summary><c>data</c> as JSON, sealed under the workspace's key.</summary>
    public required byte[] DataSealed { get; init; }

    /// <summary><c>data</c>; null where its key is gone.</summary>
    public byte[]? Open(KeyRing ring) => ring.TryOpen(KeyScope.Workspace, WorkspaceId, CellOf(WorkspaceId, Id), DataSealed, out var data) ? data : null;

    public static Cell CellOf(string workspaceId, string id) => new(workspaceId, TableName, "data_sealed", id);

    public static void Map(ModelBuilder model) => model.Entity<StoredEvent>(happened =>
    {
        happened.ToTable(TableName);
        happened.HasKey(e => e.Id);
        happened.HasIndex(e => new { e.WorkspaceId, e.Id }).HasDatabaseName("webhooks_events_workspace");
        happened.HasIndex(e => new { e.WorkspaceId, e.At }).HasDatabaseName("webhooks_events_time");
    });
}

/// <summary>An event on its way into the outbox, in the transaction of what it tells.</summary>
internal sealed class EventRow(StoredEvent happened) : AppendRow
{
    private static readonly AppendTable Events = new(StoredEvent.TableName,
        new("id", ColumnKind.Text), new("at", ColumnKind.Integer), new("organization_id", ColumnKind.Text), new("workspace_id", ColumnKind.Text),
        new("crew_id", ColumnKind.Text), new("type", ColumnKind.Text), new("data_sealed", ColumnKind.Blob));

    public override AppendTable Table => Events;

    public override void Write(IRowWriter writer)
    {
        writer.Text(happened.Id);
        writer.Integer(happened.At.ToUnixTimeMilliseconds());
        writer.Text(happened.OrganizationId);
        writer.Text(happened.WorkspaceId);
        writer.Text(happened.CrewId);
        writer.Text(happened.Type);
        writer.Blob(happened.DataSealed);
    }
}
