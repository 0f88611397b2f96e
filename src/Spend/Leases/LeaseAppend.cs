using Crew.Kernel;
using Crew.Storage;
using Microsoft.EntityFrameworkCore;

namespace Crew.Spend;

/// <summary>
/// The writes of leases (the same SQL on both databases). All leases of a budget change under the lock of the budget's row, so
/// that reading the sum and taking the rest is one step, however many processes lease.
/// </summary>
internal static class LeaseAppend
{
    private const string Lock = """
        UPDATE spend_budgets SET amount_nano = amount_nano WHERE id = {0} AND mode = 'strict' RETURNING amount_nano AS "Value"
        """;

    private const string Others = """
        SELECT CAST(COALESCE(SUM(CASE WHEN leased_nano > settled_nano THEN leased_nano ELSE settled_nano END), 0) AS bigint) AS "Value"
        FROM spend_leases WHERE budget_id = {0} AND window_start = {1} AND id <> {2}
        """;

    /// <summary>Decides and writes a batch; everything in it becomes durable together.</summary>
    public static async Task<Outcome<bool>> ExtendAsync(Db db, long epoch, IReadOnlyList<LeaseExtension> batch, long nowMs)
    {
        // Always in the same order, or two processes that extend the same budgets would wait for each other.
        foreach (var extension in batch.OrderBy(e => e.Allowance.Terms.Id, StringComparer.Ordinal).ThenBy(e => e.Allowance.Span.StartMs))
        {
            await ExtendAsync(db, epoch, extension, nowMs);
        }

        return true;
    }

    /// <summary>Closes the leases of processes that are dead: what they leased and nobody settled counts as lost from now on.</summary>
    public static async Task<Outcome<bool>> CloseDeadAsync(Db db, long epoch, long deadBeforeMs, long nowMs)
    {
        await db.Database.ExecuteSqlAsync($"""
            UPDATE spend_epochs SET ended_at = {nowMs} WHERE epoch <> {epoch} AND ended_at IS NULL AND renewed_at < {deadBeforeMs}
            """);
        await db.Database.ExecuteSqlAsync($"""
            UPDATE spend_leases SET closed = {true} WHERE NOT closed AND epoch <> {epoch}
            AND epoch IN (SELECT e.epoch FROM spend_epochs e WHERE e.ended_at IS NOT NULL)
            """);
        return true;
    }

    /// <summary>Gives lost capacity of a budget back; returns how much.</summary>
    public static async Task<long> ReleaseLostAsync(Db db, string budgetId)
    {
        var lost = await db.Database.SqlQueryRaw<long>(Lost, budgetId).ToListAsync();
        await db.Database.ExecuteSqlAsync($"""
            UPDATE spend_leases SET leased_nano = settled_nano WHERE budget_id = {budgetId} AND closed AND leased_nano > settled_nano
            """);
        return lost.Single();
    }

    private const string Lost = """
        SELECT CAST(COALESCE(SUM(leased_nano - settled_nano), 0) AS bigint) AS "Value"
        FROM spend_leases WHERE budget_id = {0} AND closed AND leased_nano > settled_nano
        """;

    private static async Task ExtendAsync(Db db, long epoch, LeaseExtension extension, long nowMs)
    {
        var allowance = extension.Allowance;
        var (budgetId, windowStart) = (allowance.Terms.Id, allowance.Span.StartMs);
        var amount = await db.Database.SqlQueryRaw<long>(Lock, budgetId).ToListAsync();
        var others = await db.Database.SqlQueryRaw<long>(Others, budgetId, windowStart, allowance.LeaseId).ToListAsync();
        var leased = extension.Decide(amount.Count == 0 ? 0 : amount[0], others.Single());
        await db.Database.ExecuteSqlAsync($"""
            INSERT INTO spend_leases
              (id, organization_id, workspace_id, budget_id, window_start, epoch, leased_nano, settled_nano, closed, opened_at)
            VALUES ({allowance.LeaseId}, {allowance.Terms.OrganizationId}, {allowance.Terms.Subject.WorkspaceId}, {budgetId},
              {windowStart}, {epoch}, {leased}, 0, {extension.Closes}, {nowMs})
            ON CONFLICT (id) DO UPDATE SET leased_nano = excluded.leased_nano, closed = excluded.closed
            """);
    }
}
