using System.Data.Common;

namespace Crew.Audit;

/// <summary>A committed record without a sequence, with its place in the commit order and the size that its log has so far.</summary>
internal sealed class PendingRecord : RecordFields
{
    /// <summary>The columns of <see cref="Of"/>, in its order: what a leaf is made of.</summary>
    public const string Columns = """
        r.id, r.at, r.organization_id, r.workspace_id, r.event_type, r.outcome, r.reason, r.actor_type, r.actor_id, r.actor_last4,
        r.resource_type, r.resource_id, r.resource_name, r.crew_id, r.request_id, r.changes, r.commitments,
        COALESCE((SELECT max(l.sequence) FROM audit_leaves l WHERE l.log_id = COALESCE(r.workspace_id, r.organization_id, 'installation')), 0)
        """;

    /// <summary>SQLite: the position. PostgreSQL: the transaction id.</summary>
    public string Place { get; private init; } = "";

    /// <summary>The last sequence that this record's log has given.</summary>
    public long Size { get; private init; }

    /// <summary>Reads a row of place and <see cref="Columns"/>, by position: every request makes a record that passes here.</summary>
    public static PendingRecord Of(DbDataReader row) => new()
    {
        Place = row.GetString(0),
        Id = row.GetString(1),
        At = row.GetInt64(2),
        OrganizationId = Text(row, 3),
        WorkspaceId = Text(row, 4),
        EventType = row.GetString(5),
        Outcome = row.GetString(6),
        Reason = Text(row, 7),
        ActorType = row.GetString(8),
        ActorId = row.GetString(9),
        ActorLast4 = Text(row, 10),
        ResourceType = Text(row, 11),
        ResourceId = Text(row, 12),
        ResourceName = Text(row, 13),
        CrewId = Text(row, 14),
        RequestId = Text(row, 15),
        Changes = Text(row, 16),
        Commitments = row.GetFieldValue<byte[]>(17),
        Size = row.GetInt64(18),
    };

    private static string? Text(DbDataReader row, int column) => row.IsDBNull(column) ? null : row.GetString(column);
}
