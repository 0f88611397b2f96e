using Crew.Kernel;
using Crew.Storage;

namespace Crew.Spend.Contracts;

/// <summary>A sum that does not equal the rows it was made from.</summary>
public sealed record LedgerMismatch(string LeaseId, string BudgetId, NanoUsd Counted, NanoUsd Rows);

/// <summary>The standing proof that the counters which enforce budgets are the fold of the ledger's rows.</summary>
public sealed class LedgerCheck(Store store)
{
    /// <summary>
    /// Compares every lease with the rows that name it, in one snapshot; empty is the only good answer. Leases from before the last
    /// day of which rows have passed their retention are left out: their first rows may be gone.
    /// </summary>
    /// <param name="openedSince">Leases opened earlier are left out, too.</param>
    public Task<List<LedgerMismatch>> RunAsync(DateTimeOffset openedSince, CancellationToken cancel) => store.ReadAsync(SystemJob.OperatorCommand,
        db => LedgerFoldRead.MismatchesAsync(db, store.Dialect == "sqlite", openedSince, null, cancel), cancel);

    /// <summary>Compares the leases that one process start has opened lately, in bounded time.</summary>
    /// <exception cref="OperationCanceledException">It took longer than it may.</exception>
    internal async Task<List<LedgerMismatch>> RunAsync(DateTimeOffset openedSince, long epoch, TimeSpan most, CancellationToken cancel)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        limit.CancelAfter(most);
        return await store.ReadAsync(SystemJob.SpendLeases,
            db => LedgerFoldRead.MismatchesAsync(db, store.Dialect == "sqlite", openedSince, epoch, limit.Token), limit.Token);
    }
}
