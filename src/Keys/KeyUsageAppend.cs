using Crew.Storage;
using Microsoft.EntityFrameworkCore;

namespace Crew.Keys;

/// <summary>Adds counts to the daily usage of a key: insert, or add to what stands there (the same SQL on both databases).</summary>
internal static class KeyUsageAppend
{
    public static Task AddAsync(
        Db db, string workspaceId, string keyId, int day, string endpoint, int status, string ipHash, byte[]? ipSealed, long requests, long lastAt) =>
        db.Database.ExecuteSqlAsync($"""
            INSERT INTO keys_usage (workspace_id, key_id, day, endpoint, status, ip_hash, ip_sealed, requests, last_at)
            VALUES ({workspaceId}, {keyId}, {day}, {endpoint}, {status}, {ipHash}, {ipSealed}, {requests}, {lastAt})
            ON CONFLICT (key_id, day, endpoint, status, ip_hash)
            DO UPDATE SET requests = keys_usage.requests + excluded.requests, last_at = excluded.last_at
            """);

    /// <summary>Removes one step of a workspace's counts from before a day.</summary>
    public static Task<int> RemoveAsync(Db db, string workspaceId, int before, CancellationToken cancel) => db.Database.ExecuteSqlAsync($"""
        DELETE FROM keys_usage WHERE (key_id, day, endpoint, status, ip_hash) IN (
          SELECT key_id, day, endpoint, status, ip_hash FROM keys_usage WHERE workspace_id = {workspaceId} AND day < {before} ORDER BY day LIMIT {ExpiryRun.StepRows})
        """, cancel);
}
