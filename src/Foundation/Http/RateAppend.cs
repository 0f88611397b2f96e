using Crew.Kernel;
using Crew.Storage;
using Microsoft.EntityFrameworkCore;

namespace Crew.Http;

/// <summary>Takes portions of rate limits out of the database, on PostgreSQL.</summary>
internal static class RateAppend
{
    private const string Take = """
        SELECT subject AS "Subject", minute AS "Minute", left_ms AS "LeftMs", given AS "Given", granted AS "Granted", nodes AS "Nodes"
        FROM http_rates_take({0}, {1}, {2}, {3}, {4}, {5})
        """;

    /// <summary>One grant for each ask, in the same order; asks stand in the order of their subjects.</summary>
    public static Task<Outcome<List<RateGrant>>> TakeAsync(Store store, IReadOnlyList<RateAsk> asks, CancellationToken cancel) =>
        store.ChangeAsync<List<RateGrant>>(SystemJob.RateLimits, Origin.System, async db =>
            await db.Database.SqlQueryRaw<RateGrant>(
                Take,
                asks.Select(a => a.Subject).ToArray(), asks.Select(a => a.Limit).ToArray(), asks.Select(a => a.Want).ToArray(),
                asks.Select(a => a.Urgency).ToArray(), asks.Select(a => a.Back).ToArray(), asks.Select(a => a.BackMinute).ToArray())
                .ToListAsync(cancel), cancel);

    /// <summary>
    /// Looks at the next rows behind a subject and removes those whose minute is over: how many went, and the last subject that was looked at
    /// (null at the end). Rows that somebody takes from right now stay.
    /// </summary>
    public static async Task<RateSweep> RemoveAsync(Db db, string after, long beforeMinute, int most, CancellationToken cancel) =>
        (await db.Database.SqlQuery<RateSweep>($"""
            WITH looked AS (SELECT subject, minute FROM http_rates WHERE subject > {after} ORDER BY subject LIMIT {most} FOR UPDATE SKIP LOCKED),
              gone AS (DELETE FROM http_rates r USING looked l WHERE r.subject = l.subject AND l.minute < {beforeMinute} RETURNING 1)
            SELECT (SELECT count(*)::int FROM gone) AS "Removed", (SELECT max(subject) FROM looked) AS "Last"
            """).ToListAsync(cancel)).Single();
}
