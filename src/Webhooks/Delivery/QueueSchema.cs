using System.Text.Json;
using Crew.Storage;
using Microsoft.EntityFrameworkCore;

namespace Crew.Webhooks.Delivery;

/// <summary>A queue that this node has taken.</summary>
internal sealed record TakenQueue(string EndpointId, string WorkspaceId, string Health, long? FailingSince, long Kicks);

/// <summary>An open delivery with its event, as a worker reads it.</summary>
internal sealed record OpenDelivery(
    string Id, string EventId, string Type, string State, long Attempts, long NextAt, string? Log,
    long EventAt, string OrganizationId, string WorkspaceId, string? CrewId, string EventType, byte[] DataSealed);

/// <summary>What an attempt changes of its delivery.</summary>
internal sealed record AttemptRow(string Id, long Attempts, string State, long IsOpen, long NextAt, string Log, byte[]? Response);

/// <summary>
/// The statements of queues and deliveries. A queue is held by one node at a time, for some seconds that it renews; nodes pass over rows that
/// another one is taking at this moment (SKIP LOCKED).
/// </summary>
internal static class QueueSchema
{
    private const string Columns = """endpoint_id AS "EndpointId", workspace_id AS "WorkspaceId", health AS "Health", failing_since AS "FailingSince", kicks AS "Kicks" """;

    /// <summary>Says that something waits. A failing endpoint keeps its pace.</summary>
    public static Task<int> KickAsync(Db db, bool sqlite, IReadOnlyList<string> endpoints, long now)
    {
        var sql = $$"""
            UPDATE webhooks_queues SET kicks = kicks + 1,
              due_at = CASE WHEN due_at IS NOT NULL AND (due_at <= {1} OR health = 'failing') THEN due_at ELSE {1} END
            WHERE endpoint_id IN {{In(sqlite, 0)}}
            """;
        return db.Database.ExecuteSqlRawAsync(sql, List(sqlite, endpoints), now);
    }

    /// <summary>Takes queues that are due and that nobody holds, the longest due first, none of the workspaces that have enough.</summary>
    public static Task<List<TakenQueue>> TakeAsync(
        Db db, bool sqlite, string holder, long now, long until, IReadOnlyList<string> full, int most, CancellationToken cancel)
    {
        var (far, hold) = (now + (long)DeliverySchedule.FarAhead.TotalMilliseconds, until + (until - now));
        var sql = $$"""
            UPDATE webhooks_queues SET holder = {0}, held_until = {1} WHERE endpoint_id IN (
              SELECT endpoint_id FROM webhooks_queues WHERE (due_at <= {2} OR due_at > {3}) AND (held_until <= {2} OR held_until > {4})
              AND workspace_id NOT IN {{In(sqlite, 5)}} ORDER BY due_at LIMIT {6} {{(sqlite ? "" : "FOR UPDATE SKIP LOCKED")}})
            RETURNING {{Columns}}
            """;
        return db.Database.SqlQueryRaw<TakenQueue>(sql, holder, until, now, far, hold, List(sqlite, full), most).ToListAsync(cancel);
    }

    /// <summary>Holds on to queues; those that another node has taken meanwhile are not among the answer.</summary>
    public static Task<List<string>> RenewAsync(Db db, bool sqlite, string holder, long until, IReadOnlyList<string> endpoints)
    {
        var sql = $$"""
            UPDATE webhooks_queues SET held_until = {1} WHERE holder = {0} AND endpoint_id IN {{In(sqlite, 2)}} RETURNING endpoint_id AS "Value"
            """;
        return db.Database.SqlQueryRaw<string>(sql, holder, until, List(sqlite, endpoints)).ToListAsync();
    }

    /// <summary>
    /// Lets a queue go: due at the given moment, or at the next attempt of what waits, or at once where somebody has nudged it since it was taken.
    /// </summary>
    public static Task<int> LetGoAsync(Db db, string holder, TakenQueue taken, string health, long? dueAt, long now) => db.Database.ExecuteSqlRawAsync("""
        UPDATE webhooks_queues SET held_until = 0, health = {2},
          due_at = CASE WHEN kicks <> {3} AND {2} <> 'failing' THEN {5} WHEN {4} > 0 THEN {4} WHEN {4} < 0 THEN NULL
            ELSE (SELECT min(d.next_at) FROM webhooks_deliveries d WHERE d.endpoint_id = {0} AND d.is_open = 1 AND d.state = 'pending') END
        WHERE endpoint_id = {0} AND holder = {1}
        """, taken.EndpointId, holder, health, taken.Kicks, dueAt ?? 0, now);

    /// <summary>Whether a look would find anything: a read, because most find nothing.</summary>
    public static async Task<bool> AnyDueAsync(Db db, long now, CancellationToken cancel)
    {
        var (far, hold) = (now + (long)DeliverySchedule.FarAhead.TotalMilliseconds, now + (long)DeliverySchedule.FarAhead.TotalMilliseconds);
        return (await db.Database.SqlQueryRaw<string>("""
            SELECT endpoint_id AS "Value" FROM webhooks_queues WHERE (due_at <= {0} OR due_at > {1}) AND (held_until <= {0} OR held_until > {2}) LIMIT 1
            """, now, far, hold).ToListAsync(cancel)).Count > 0;
    }

    /// <summary>Queues that sleep although something waits, which is what a crash between commit and nudge leaves.</summary>
    public static Task<List<string>> SleepersAsync(Db db, int most, CancellationToken cancel) => db.Database.SqlQueryRaw<string>("""
        SELECT q.endpoint_id AS "Value" FROM webhooks_queues q WHERE q.due_at IS NULL AND EXISTS (
          SELECT 1 FROM webhooks_deliveries d WHERE d.endpoint_id = q.endpoint_id AND d.is_open = 1 AND d.state = 'pending')
        AND EXISTS (SELECT 1 FROM webhooks_endpoints e WHERE e.id = q.endpoint_id AND e.status = 'active'
          AND (NOT e.challenge_required OR e.verified_at IS NOT NULL))
        LIMIT {0}
        """, most).ToListAsync(cancel);

    /// <summary>What is open for an endpoint: in order of events, everything; else what is due, the longest due first.</summary>
    public static Task<List<OpenDelivery>> OpenAsync(Db db, string endpointId, bool inOrder, long now, int most, CancellationToken cancel)
    {
        var far = now + (long)DeliverySchedule.FarAhead.TotalMilliseconds;
        var which = inOrder ? "ORDER BY d.event_id, d.id" : "AND d.state = 'pending' AND (d.next_at <= {1} OR d.next_at > {2}) ORDER BY d.next_at, d.id";
        var sql = $$"""
            SELECT d.id AS "Id", d.event_id AS "EventId", d.type AS "Type", d.state AS "State", d.attempts AS "Attempts", d.next_at AS "NextAt", d.log AS "Log",
              e.at AS "EventAt", e.organization_id AS "OrganizationId", e.workspace_id AS "WorkspaceId", e.crew_id AS "CrewId", e.type AS "EventType",
              e.data_sealed AS "DataSealed"
            FROM webhooks_deliveries d JOIN webhooks_events e ON e.id = d.event_id
            WHERE d.endpoint_id = {0} AND d.is_open = 1 {{which}} LIMIT {3}
            """;
        return db.Database.SqlQueryRaw<OpenDelivery>(sql, endpointId, now, far, most).ToListAsync(cancel);
    }

    /// <summary>Writes what attempts came to. One that another node has written meanwhile stands as it is.</summary>
    public static async Task<int> CompleteAsync(Db db, bool sqlite, IReadOnlyList<AttemptRow> rows)
    {
        if (!sqlite)
        {
            return await db.Database.ExecuteSqlRawAsync("""
                UPDATE webhooks_deliveries d SET attempts = r.attempts, state = r.state, is_open = r.is_open, next_at = r.next_at, log = r.log, response_sealed = r.response
                FROM unnest({0}, {1}, {2}, {3}, {4}, {5}, {6}) AS r(id, attempts, state, is_open, next_at, log, response)
                WHERE d.id = r.id AND d.attempts = r.attempts - 1
                """,
                rows.Select(r => r.Id).ToArray(), rows.Select(r => r.Attempts).ToArray(), rows.Select(r => r.State).ToArray(), rows.Select(r => r.IsOpen).ToArray(),
                rows.Select(r => r.NextAt).ToArray(), rows.Select(r => r.Log).ToArray(), rows.Select(r => r.Response).ToArray());
        }

        var written = 0;
        foreach (var r in rows)
        {
            written += await db.Database.ExecuteSqlAsync($"""
                UPDATE webhooks_deliveries SET attempts = {r.Attempts}, state = {r.State}, is_open = {r.IsOpen}, next_at = {r.NextAt}, log = {r.Log}, response_sealed = {r.Response}
                WHERE id = {r.Id} AND attempts = {r.Attempts - 1}
                """);
        }

        return written;
    }

    /// <summary>Gives up what is open for an endpoint.</summary>
    public static Task<int> CloseAsync(Db db, string endpointId) =>
        db.Database.ExecuteSqlAsync($"UPDATE webhooks_deliveries SET state = 'failed', is_open = 0 WHERE endpoint_id = {endpointId} AND is_open = 1");

    /// <summary>Notes how an endpoint answers.</summary>
    public static Task<int> SetHealthAsync(Db db, string endpointId, string health, long? failingSince) => db.Database.ExecuteSqlRawAsync(
        "UPDATE webhooks_queues SET health = {1}, failing_since = CASE WHEN {2} > 0 THEN {2} ELSE NULL END WHERE endpoint_id = {0}", endpointId, health, failingSince ?? 0);

    private static string In(bool sqlite, int parameter) =>
        sqlite ? $$"""(SELECT value FROM json_each({{{parameter}}}))""" : $$"""(SELECT unnest({{{parameter}}}))""";

    private static object List(bool sqlite, IReadOnlyList<string> items) => sqlite ? JsonSerializer.Serialize(items) : items.ToArray();
}
