using System.Text.Json;
using Crew.Kernel;
using Crew.Storage;
using Microsoft.EntityFrameworkCore;

namespace Crew.Audit;

/// <summary>A record whose retention is over. The place is SQLite's position, 0 on PostgreSQL.</summary>
internal sealed record ExpiredRecord(string Id, long At, long Place);

/// <summary>How many records of one log and kind a day holds.</summary>
internal sealed record DayCount(string? OrganizationId, string? WorkspaceId, bool IsUse, long Records);

/// <summary>The statements of retention: expired records found and removed, whole days counted and dropped.</summary>
internal static class RetentionSchema
{
    private const string IsUse = "event_type IN ('api_key.used', 'token.used')";

    /// <summary>The next expired records of a log that have their leaf, oldest first, from a time on.</summary>
    public static Task<List<ExpiredRecord>> FindAsync(Db db, bool sqlite, Tenant? log, bool uses, long from, long before, CancellationToken cancel)
    {
        var sql = $$"""
            SELECT r.id AS "Id", r.at AS "At", {{(sqlite ? "r.position" : "0::bigint")}} AS "Place" FROM audit_records r
            WHERE {{OfLog(log)}} AND r.at >= {1} AND r.at < {2} AND r.{{(uses ? IsUse : IsUse.Replace(" IN ", " NOT IN ", StringComparison.Ordinal))}}
            AND EXISTS (SELECT 1 FROM audit_leaves l WHERE l.record_id = r.id)
            ORDER BY r.at LIMIT {3}
            """;
        return db.Database.SqlQueryRaw<ExpiredRecord>(sql, Owner(log), from, before, ExpiryRun.StepRows).ToListAsync(cancel);
    }

    /// <summary>Removes the records of one step.</summary>
    public static Task<int> RemoveAsync(Db db, bool sqlite, Tenant? log, List<ExpiredRecord> step, CancellationToken cancel)
    {
        if (sqlite)
        {
            return db.Database.ExecuteSqlAsync(
                $"DELETE FROM audit_records WHERE position IN (SELECT value FROM json_each({JsonSerializer.Serialize(step.Select(r => r.Place))}))", cancel);
        }

        var sql = $$"""DELETE FROM audit_records r WHERE {{OfLog(log)}} AND r.at BETWEEN {1} AND {2} AND r.id = ANY({3})""";
        return db.Database.ExecuteSqlRawAsync(sql, [Owner(log), step[0].At, step[^1].At, step.Select(r => r.Id).ToArray()], cancel);
    }

    /// <summary>PostgreSQL: whether every record from before has its leaf.</summary>
    public static async Task<bool> IsSequencedAsync(Db db, long before, CancellationToken cancel) => (await db.Database.SqlQuery<bool>($"""
        SELECT NOT EXISTS (SELECT FROM audit_records r, audit_sequencer s WHERE r.at < {before} AND (r.xid, r.id) > (s.xid, s.record_id)) AS "Value"
        """).ToListAsync(cancel)).Single();

    /// <summary>PostgreSQL: what a day holds, by log and kind.</summary>
    public static Task<List<DayCount>> CountAsync(Db db, long from, long before, CancellationToken cancel) => db.Database.SqlQueryRaw<DayCount>($$"""
        SELECT organization_id AS "OrganizationId", workspace_id AS "WorkspaceId", {{IsUse}} AS "IsUse", count(*) AS "Records"
        FROM audit_records WHERE at >= {0} AND at < {1} GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
        """, from, before).ToListAsync(cancel);

    private static string OfLog(Tenant? log) => log switch
    {
        null => "r.workspace_id IS NULL AND r.organization_id IS NULL AND {0} = ''",
        { WorkspaceId: null } => "r.workspace_id IS NULL AND r.organization_id = {0}",
        _ => "r.workspace_id = {0}",
    };

    private static string Owner(Tenant? log) => log?.WorkspaceId ?? log?.OrganizationId ?? "";
}
