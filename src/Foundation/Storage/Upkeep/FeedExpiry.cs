using Microsoft.EntityFrameworkCore;

namespace Crew.Storage;

/// <summary>
/// Removes old rows of the change feed. Nodes follow within a second, and one that stood still for longer than the days that are kept
/// has long lost its leases and starts anew. The last row stays for good: it tells a clock that was set back.
/// </summary>
public sealed class FeedExpiry : IExpiry
{
    private const int KeepDays = 7;

    public Task RunAsync(ExpiryRun run, CancellationToken cancel)
    {
        var before = run.Now.AddDays(-KeepDays).ToUnixTimeMilliseconds();
        return run.RemoveAsync(db => db.Database.ExecuteSqlAsync($"""
            DELETE FROM storage_changes WHERE version IN (
              SELECT version FROM (SELECT version, at FROM storage_changes ORDER BY version LIMIT {ExpiryRun.StepRows}) AS oldest WHERE at < {before})
            AND version < (SELECT max(version) FROM storage_changes)
            """, cancel), cancel);
    }
}
