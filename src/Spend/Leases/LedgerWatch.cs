using Crew.Http;
using Crew.Kernel;
using Crew.Spend.Contracts;
using Crew.Storage;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Crew.Spend;

/// <summary>
/// What is watched beside the requests: budgets that run low are told, and the counters are compared with the ledger again and again.
/// Each node looks at what it has leased itself, so that the work is shared and nothing is looked at twice.
/// </summary>
internal sealed partial class LedgerWatch(
    Store store, Ledger ledger, LedgerCheck check, SpendOptions options, Metrics metrics, TimeProvider clock, ILogger<LedgerWatch> log)
    : BackgroundService
{
    private const int MostBudgets = 256;
    private long _checks;
    private long _skipped;
    private long _mismatches;
    private long _checkedAt;

    /// <summary>Warns of budgets of which this node has settled something since the last look.</summary>
    public async Task WarnAsync(CancellationToken cancel)
    {
        foreach (var step in ledger.Books.SelectMany(b => b.TakeSettled()).Chunk(MostBudgets))
        {
            var sums = await store.ReadAsync(SystemJob.SpendLeases, db => WarningAppend.SumsAsync(
                db, [.. step.Select(a => a.Terms.Id)], [.. step.Select(a => a.Span.StartMs).Distinct()], cancel), cancel);
            foreach (var allowance in step)
            {
                var settled = sums.Find(s => s.BudgetId == allowance.Terms.Id && s.WindowStart == allowance.Span.StartMs)?.Settled ?? 0;
                if (WarningAppend.Reached(settled, allowance.Terms.AmountNano) is > 0 and var reached && reached > allowance.Warned)
                {
                    var warned = await store.ChangeAsync<bool>(
                        SystemJob.SpendLeases, Origin.System, db => WarningAppend.WarnAsync(db, allowance.Terms, allowance.Span, settled), cancel);
                    allowance.Warned = warned.Fault is null ? reached : allowance.Warned;
                }
            }
        }
    }

    /// <summary>One bounded comparison of this node's young leases with their rows.</summary>
    public async Task CheckAsync(CancellationToken cancel)
    {
        try
        {
            var found = await check.RunAsync(
                clock.GetUtcNow().AddMinutes(-options.CheckMinutes * 2), ledger.Desk.Epoch, TimeSpan.FromSeconds(options.CheckSeconds), cancel);
            Interlocked.Increment(ref _checks);
            Volatile.Write(ref _mismatches, found.Count);
            Volatile.Write(ref _checkedAt, clock.GetTimestamp());
            foreach (var mismatch in found)
            {
                Differs(log, mismatch.BudgetId, mismatch.LeaseId, mismatch.Counted.ToString(), mismatch.Rows.ToString());
            }
        }
        catch (Exception error) when (error is not OperationCanceledException || !cancel.IsCancellationRequested)
        {
            // Too much for the time that it may take, or no database: the next one tries again.
            Interlocked.Increment(ref _skipped);
        }
    }

    protected override Task ExecuteAsync(CancellationToken stoppingToken)
    {
        metrics.Gauge("crew_budget_ledger_checks", "Comparisons of budget counters with the ledger since this node started.", () => Volatile.Read(ref _checks));
        metrics.Gauge("crew_budget_ledger_checks_skipped", "Comparisons that took too long or found no database.", () => Volatile.Read(ref _skipped));
        metrics.Gauge("crew_budget_ledger_mismatches", "Counters that differed from the ledger's rows at the last comparison; zero is right.", () => Volatile.Read(ref _mismatches));
        metrics.Gauge("crew_budget_ledger_check_age_seconds", "Time since the last comparison; -1 before the first.",
            () => Volatile.Read(ref _checkedAt) is > 0 and var at ? clock.GetElapsedTime(at).TotalSeconds : -1);
        metrics.Gauge("crew_budget_recalls", "Times that this node has asked others for unused capacity since it started.", () => ledger.Desk.Recalls);
        return Task.WhenAll(
            RepeatAsync(TimeSpan.FromSeconds(options.WarnSeconds), WarnAsync, stoppingToken),
            RepeatAsync(TimeSpan.FromMinutes(options.CheckMinutes), CheckAsync, stoppingToken));
    }

    private async Task RepeatAsync(TimeSpan period, Func<CancellationToken, Task> round, CancellationToken stop)
    {
        using var timer = new PeriodicTimer(period, clock);
        try
        {
            while (await timer.WaitForNextTickAsync(stop))
            {
                try
                {
                    await round(stop);
                }
                catch (StorageUnavailableException)
                {
                    // The database is away: what was to be told is found again, for the sums stay.
                }
            }
        }
        catch (OperationCanceledException)
        {
            // Stopping.
        }
    }

    [LoggerMessage(Level = LogLevel.Error, Message = "Budget {BudgetId} counts {Counted} USD for lease {LeaseId}, its rows say {Rows} USD")]
    private static partial void Differs(ILogger log, string budgetId, string leaseId, string counted, string rows);
}
