using Crew.Kernel;
using Crew.Spend.Contracts;
using Crew.Storage;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Hosting;

namespace Crew.Spend;

/// <summary>
/// Keeps the ledger in step with the database: loads the budgets and follows their changes, serves the lease desk, closes
/// windows, announces breaches, and gives unused capacity back at an orderly stop.
/// </summary>
internal sealed class LedgerKeeper : BackgroundService
{
    public const string FeedTopic = "budgets";
    private const int TickSeconds = 1;
    private const int DrainSeconds = 5;
    private readonly Store _store;
    private readonly Ledger _ledger;
    private readonly LeaseStore _leases;
    private readonly SpendOptions _options;
    private readonly TimeProvider _clock;
    private readonly EpochWatch _epoch;

    public LedgerKeeper(Store store, Ledger ledger, LeaseStore leases, SpendOptions options, TimeProvider clock)
    {
        (_store, _ledger, _leases, _options, _clock) = (store, ledger, leases, options, clock);
        _epoch = new EpochWatch(ledger, leases.Epochs, options, clock);
    }

    public static LeaseDesk Desk(LeaseStore leases, SpendOptions options, TimeProvider clock) =>
        new(leases.WriteAsync, options, clock) { IsShared = leases.IsShared };

    /// <summary>Begins this process's epoch and loads the budgets; from here on holds are given.</summary>
    public async Task<Outcome<bool>> OpenAsync(CancellationToken cancel)
    {
        foreach (var budget in await _store.ReadAsync(SystemJob.HotState, db => db.Set<Budget>().AsNoTracking().ToListAsync(cancel), cancel))
        {
            _ledger.Put(budget.Terms());
        }

        return await _epoch.BeginAsync(cancel);
    }

    /// <summary>Writes what must be written before the process ends. What cannot be written counts as lost at the next start.</summary>
    public async Task CloseAsync(CancellationToken cancel)
    {
        _ledger.Desk.Shut();
        foreach (var book in _ledger.Books)
        {
            book.Shut();
        }

        if (await _ledger.Desk.DrainAsync(cancel))
        {
            await _leases.EndEpochAsync(_ledger.Desk.Epoch, cancel);
        }
    }

    /// <summary>Ends windows that are over and gives idle leases back.</summary>
    public void Tidy()
    {
        foreach (var book in _ledger.Books)
        {
            book.Tidy(_ledger.Desk.Time.NowMs, _options.IdleSeconds * 1_000L);
        }
    }

    /// <summary>Says that this node lives, and ends those that do not.</summary>
    public Task RenewAsync(CancellationToken cancel) => _epoch.RenewAsync(cancel);

    /// <summary>Raises <c>budget.breach</c> for what was billed beyond its hold; what cannot be written is raised next time.</summary>
    public async Task AnnounceBreachesAsync(CancellationToken cancel)
    {
        foreach (var book in _ledger.Desk.TakeBreached())
        {
            var breaches = book.TakeBreaches();
            var raised = await _store.ChangeAsync<bool>(SystemJob.SpendLeases, Origin.System, db =>
            {
                foreach (var (terms, excess) in breaches)
                {
                    db.Raise(BudgetEvents.Breach(terms, new NanoUsd(excess)));
                }

                return Task.FromResult<Outcome<bool>>(true);
            }, cancel);
            if (raised.Fault is not null)
            {
                book.ReturnBreaches(breaches);
            }
        }
    }

    public override async Task StopAsync(CancellationToken cancellationToken)
    {
        await base.StopAsync(cancellationToken);
        if (!_ledger.Desk.IsOpen)
        {
            return;
        }

        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(DrainSeconds), _clock);
        try
        {
            await CloseAsync(limit.Token);
        }
        catch (OperationCanceledException)
        {
            // The database is away; the next start counts what is open as lost.
        }
    }

    protected override Task ExecuteAsync(CancellationToken stoppingToken) =>
        Task.WhenAll(_ledger.Desk.RunAsync(stoppingToken), KeepAsync(stoppingToken));

    private async Task KeepAsync(CancellationToken stop)
    {
        using var timer = new PeriodicTimer(TimeSpan.FromSeconds(TickSeconds), _clock);
        try
        {
            for (var tick = 1L; await timer.WaitForNextTickAsync(stop); tick++)
            {
                await RenewAsync(stop);
                await AnnounceBreachesAsync(stop);
                if (tick % _options.TidySeconds == 0)
                {
                    Tidy();
                }
            }
        }
        catch (OperationCanceledException)
        {
            // Stopping.
        }
    }

    /// <summary>Gives back what other nodes ask for; a follower of the feed.</summary>
    public async Task RecallAsync(IReadOnlyList<string> budgetIds, CancellationToken cancel)
    {
        foreach (var book in _ledger.Books)
        {
            book.BeginRecall();
        }

        foreach (var (id, number) in await _leases.RecallsAsync(budgetIds, cancel))
        {
            _ledger.Recall(id, number);
        }
    }

    /// <summary>Takes changed budgets over; the follower of the feed.</summary>
    public async Task ApplyAsync(IReadOnlyList<string> budgetIds, CancellationToken cancel)
    {
        var budgets = await _store.ReadAsync(SystemJob.HotState,
            db => db.Set<Budget>().AsNoTracking().Where(b => budgetIds.Contains(b.Id)).ToDictionaryAsync(b => b.Id, cancel), cancel);
        foreach (var id in budgetIds)
        {
            if (budgets.TryGetValue(id, out var budget))
            {
                _ledger.Put(budget.Terms());
            }
            else
            {
                _ledger.Remove(id);
            }
        }
    }
}
