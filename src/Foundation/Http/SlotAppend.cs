using Crew.Kernel;
using Crew.Storage;
using Microsoft.EntityFrameworkCore;

namespace Crew.Http;

/// <summary>Takes slots out of the database, and gives them back, on PostgreSQL.</summary>
internal static class SlotAppend
{
    private const string Take = """
        SELECT subject AS "Subject", given AS "Given", nodes AS "Nodes" FROM http_slots_take({0}, {1}, {2}, {3}, {4}, {5}, {6})
        """;

    /// <summary>One grant for each ask, in the same order; asks stand in the order of their subjects.</summary>
    public static Task<Outcome<List<SlotGrant>>> TakeAsync(Store store, long epoch, IReadOnlyList<SlotAsk> asks, CancellationToken cancel) =>
        store.ChangeAsync<List<SlotGrant>>(SystemJob.RateLimits, Origin.System, async db =>
            await db.Database.SqlQueryRaw<SlotGrant>(
                Take, epoch,
                asks.Select(a => a.Subject).ToArray(), asks.Select(a => a.Limit).ToArray(), asks.Select(a => a.Before).ToArray(),
                asks.Select(a => a.Keep).ToArray(), asks.Select(a => a.Want).ToArray(), asks.Select(a => a.Waiting).ToArray())
                .ToListAsync(cancel), cancel);

    /// <summary>Removes slots of nodes that are gone for good; whoever asks for such a subject does so by itself.</summary>
    public static Task<int> RemoveAsync(Db db, int most, CancellationToken cancel) => db.Database.ExecuteSqlAsync($"""
        DELETE FROM http_slots s USING (
          SELECT subject, epoch FROM http_slots WHERE epoch <> 0 AND NOT http_slots_count(epoch) ORDER BY subject LIMIT {most} FOR UPDATE SKIP LOCKED) gone
        WHERE s.subject = gone.subject AND s.epoch = gone.epoch
        """, cancel);
}
