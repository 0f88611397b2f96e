namespace Crew.Audit;

/// <summary>A committed record without a sequence, with its place in the commit order and the size that its log has so far.</summary>
internal sealed class PendingRecord : RecordFields
{
    /// <summary>SQLite: the position. PostgreSQL: the transaction id.</summary>
    public string Place { get; set; } = "";

    /// <summary>The last sequence that this record's log has given.</summary>
    public long Size { get; set; }

    /// <summary>The columns of a leaf, for both databases.</summary>
    public const string Columns = """
        r.id AS "Id", r.at AS "At", r.organization_id AS "OrganizationId", r.workspace_id AS "WorkspaceId", r.event_type AS "EventType",
        r.outcome AS "Outcome", r.reason AS "Reason", r.actor_type AS "ActorType", r.actor_id AS "ActorId", r.actor_last4 AS "ActorLast4",
        r.resource_type AS "ResourceType", r.resource_id AS "ResourceId", r.resource_name AS "ResourceName", r.crew_id AS "CrewId",
        r.request_id AS "RequestId", r.status AS "Status", r.key_id AS "KeyId", r.changes AS "Changes", r.commitments AS "Commitments",
        NULL AS "Personal", NULL AS "IpHash",
        COALESCE((SELECT max(l.sequence) FROM audit_leaves l WHERE l.log_id = COALESCE(r.workspace_id, r.organization_id, 'installation')), 0) AS "Size"
        """;
}
