using Crew.Kernel;
using Crew.Storage;
using Microsoft.EntityFrameworkCore;

namespace Crew.Spend;

/// <summary>What all nodes together have settled of one budget in one window.</summary>
internal sealed record SettledSum(string BudgetId, long WindowStart, long Settled);

/// <summary>
/// Warnings about budgets that run low. The budget's row remembers up to where a window was warned of, so that each threshold is told
/// once, whichever node sees it first.
/// </summary>
internal static class WarningAppend
{
    /// <summary>Percent of the amount.</summary>
    public static readonly IReadOnlyList<int> Thresholds = [75, 95];

    public static Task<List<SettledSum>> SumsAsync(Db db, IReadOnlyList<string> budgetIds, IReadOnlyList<long> starts, CancellationToken cancel) =>
        db.Set<Lease>().AsNoTracking().Where(l => budgetIds.Contains(l.BudgetId) && starts.Contains(l.WindowStart))
            .GroupBy(l => new { l.BudgetId, l.WindowStart })
            .Select(g => new SettledSum(g.Key.BudgetId, g.Key.WindowStart, g.Sum(l => l.SettledNano)))
            .ToListAsync(cancel);

    /// <summary>The highest threshold that a sum has reached; zero for none. An amount of zero lets nothing pass and warns of nothing.</summary>
    public static int Reached(long settled, long amount) =>
        amount <= 0 ? 0 : Thresholds.LastOrDefault(t => (Int128)settled * 100 >= (Int128)amount * t);

    /// <summary>Raises what has been reached and not been told yet in this window.</summary>
    public static async Task<Outcome<bool>> WarnAsync(Db db, BudgetTerms terms, WindowSpan span, long settled)
    {
        foreach (var threshold in Thresholds.Where(t => t <= Reached(settled, terms.AmountNano)))
        {
            var isNew = await db.Database.ExecuteSqlAsync($"""
                UPDATE spend_budgets SET warned_window = {span.StartMs}, warned_percent = {threshold}
                WHERE id = {terms.Id} AND (warned_window < {span.StartMs} OR (warned_window = {span.StartMs} AND warned_percent < {threshold}))
                """) > 0;
            if (isNew)
            {
                db.Raise(BudgetEvents.Warning(terms, threshold, new NanoUsd(settled), span.ResetsAt));
            }
        }

        return true;
    }
}
