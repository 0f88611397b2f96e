using Crew.Storage;
using Microsoft.EntityFrameworkCore;

namespace Crew.Audit.Alerts;

/// <summary>Up to where alerts have read the log: a position on SQLite, a transaction and a record on PostgreSQL.</summary>
internal sealed record AlertMark(string Place, string RecordId, long At);

/// <summary>A record as alerts read it, with its place in the commit order.</summary>
internal sealed class TellingRecord : RecordFields
{
    public string Place { get; set; } = "";
}

/// <summary>What alerts read of the log: the records behind their mark, uses of credentials left out.</summary>
internal static class AlertRead
{
    /// <summary>How far behind the newest record another node's clock may be. Older day partitions are not looked at.</summary>
    private const long ClockSlackMilliseconds = 3L * 24 * 60 * 60 * 1_000;

    private const string Columns = """
        id AS "Id", at AS "At", organization_id AS "OrganizationId", workspace_id AS "WorkspaceId", event_type AS "EventType", outcome AS "Outcome",
        reason AS "Reason", actor_type AS "ActorType", actor_id AS "ActorId", actor_last4 AS "ActorLast4", resource_type AS "ResourceType",
        resource_id AS "ResourceId", resource_name AS "ResourceName", crew_id AS "CrewId", request_id AS "RequestId", status AS "Status",
        key_id AS "KeyId", changes AS "Changes", commitments AS "Commitments", personal AS "Personal", ip_hash AS "IpHash"
        """;

    public static async Task<AlertMark> MarkAsync(Db db, bool sqlite, CancellationToken cancel) => (await db.Database.SqlQueryRaw<AlertMark>(sqlite
        ? """SELECT CAST(position AS TEXT) AS "Place", '' AS "RecordId", 0 AS "At" FROM audit_alert_mark"""
        : """SELECT xid::text AS "Place", record_id AS "RecordId", least(at, (extract(epoch FROM now()) * 1000)::bigint) AS "At" FROM audit_alert_mark""")
        .ToListAsync(cancel)).Single();

    /// <summary>The records behind the mark. On PostgreSQL nothing can appear any more below the oldest running transaction.</summary>
    public static Task<List<TellingRecord>> BehindAsync(Db db, bool sqlite, AlertMark mark, int most, CancellationToken cancel) => sqlite
        ? db.Database.SqlQueryRaw<TellingRecord>($$"""
            SELECT CAST(position AS TEXT) AS "Place", {{Columns}} FROM audit_records
            WHERE position > CAST({0} AS INTEGER) AND event_type NOT IN ('api_key.used', 'token.used') ORDER BY position LIMIT {1}
            """, mark.Place, most).ToListAsync(cancel)
        : db.Database.SqlQueryRaw<TellingRecord>($$"""
            SELECT xid::text AS "Place", {{Columns}} FROM audit_records
            WHERE at >= {0} AND (xid, id) > ({1}::xid8, {2}) AND xid < pg_snapshot_xmin(pg_current_snapshot())
              AND event_type NOT IN ('api_key.used', 'token.used') ORDER BY xid, id LIMIT {3}
            """, mark.At - ClockSlackMilliseconds, mark.Place, mark.RecordId, most).ToListAsync(cancel);
}
