using Crew.Kernel;
using Crew.Spend.Contracts;
using Crew.Storage;
using Microsoft.EntityFrameworkCore;

namespace Crew.Spend;

/// <summary>Folds the ledger by the leases that its rows name, and compares with the sums kept beside.</summary>
internal static class LedgerFoldRead
{
    private const string Compare = """
        SELECT l.id AS "LeaseId", l.budget_id AS "BudgetId", l.settled_nano AS "Counted", CAST(COALESCE(f.cost, 0) AS bigint) AS "Rows"
        FROM spend_leases l LEFT JOIN fold f ON f.lease_id = l.id
        WHERE l.opened_at >= {0} AND (l.epoch = {2} OR {2} < 0) AND l.settled_nano <> COALESCE(f.cost, 0)
        ORDER BY l.id
        """;

    private const string Sqlite = $$"""
        WITH fold AS (
          SELECT n.value AS lease_id, SUM(a.cost_nano) AS cost
          FROM spend_attempts a, json_each('["' || replace(a.lease_ids, ' ', '","') || '"]') n
          WHERE a.at >= {0} AND a.request_id >= {1} AND a.lease_ids <> '' GROUP BY n.value)
        {{Compare}}
        """;

    private const string Postgres = $$"""
        WITH fold AS (
          SELECT n.lease_id, SUM(a.cost_nano) AS cost
          FROM spend_attempts a, unnest(string_to_array(a.lease_ids, ' ')) AS n(lease_id)
          WHERE a.at >= {0} AND a.request_id >= {1} AND a.lease_ids <> '' GROUP BY n.lease_id)
        {{Compare}}
        """;

    /// <param name="epoch">Only leases of this process start; null for all. Then only rows of requests that came since are looked at.</param>
    public static async Task<List<LedgerMismatch>> MismatchesAsync(
        Db db, bool sqlite, DateTimeOffset openedSince, long? epoch, CancellationToken cancel)
    {
        var summed = await db.Set<UsageDay>().Select(d => (int?)d.Day).MaxAsync(cancel);
        var since = Math.Max(openedSince.ToUnixTimeMilliseconds(), summed is { } day ? (day + 1) * 86_400_000L : 0);

        // Request ids sort by time, and a request may have waited for its lease.
        var firstRequest = epoch is null ? "" : Id.New(IdPrefix.Request, openedSince.AddMinutes(-1));
        var rows = await db.Database.SqlQueryRaw<Row>(
            sqlite ? Sqlite : Postgres, since, firstRequest, epoch ?? -1).ToListAsync(cancel);
        return rows.ConvertAll(r => new LedgerMismatch(r.LeaseId, r.BudgetId, new NanoUsd(r.Counted), new NanoUsd(r.Rows)));
    }

    private sealed record Row(string LeaseId, string BudgetId, long Counted, long Rows);
}
