using Crew.Spend.Contracts;
using Crew.Storage;

namespace Crew.Host;

/// <summary>Whether the counters that enforce budgets equal the ledger, as far back as its rows are kept.</summary>
internal static class LedgerExamination
{
    private const int MostNamed = 3;

    public static async Task<StoreFinding> RunAsync(IServiceProvider services, CancellationToken cancel)
    {
        const string name = "budget_ledger";
        var mismatches = await services.GetRequiredService<LedgerCheck>().RunAsync(DateTimeOffset.UnixEpoch, cancel);
        if (mismatches.Count == 0)
        {
            return new(name, FindingLevel.Ok, "What budgets count as spent equals the ledger.");
        }

        var named = string.Join("; ", mismatches.Take(MostNamed).Select(
            m => $"{m.BudgetId} counts {m.Counted} USD, its rows say {m.Rows} USD ({m.LeaseId})"));
        return new(name, FindingLevel.Failed,
            $"{mismatches.Count} counters of budgets differ from the ledger: {named}{(mismatches.Count > MostNamed ? "; …" : "")}.",
            "Something other than crew wrote to the database, or it was damaged: restore a backup made before. "
            + "Until then caps are enforced by the counters, and usage is read from the ledger's rows.");
    }
}
