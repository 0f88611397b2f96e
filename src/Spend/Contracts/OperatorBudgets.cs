using Crew.Kernel;
using Crew.Storage;
using Microsoft.EntityFrameworkCore;

namespace Crew.Spend.Contracts;

/// <summary>A budget as the command line lists it, with how its current window stands.</summary>
/// <param name="Lost">Sent by a process that died, and never settled; counts as spent until it is released.</param>
public sealed record OperatorBudget(
    string Id, string OrganizationId, string? WorkspaceId, string Scope, string Window, string Mode, NanoUsd Amount, NanoUsd Settled, NanoUsd Held,
    NanoUsd Lost, NanoUsd Free, DateTimeOffset? ResetsAt);

/// <summary>Budgets from the command line. What it says of held amounts is what the database knows: leases, not single holds.</summary>
public sealed class OperatorBudgets
{
    /// <summary>A command is no server, so no number of a start is its own.</summary>
    private const long NoEpoch = 0;

    private readonly Store _store;
    private readonly SpendOptions _options;
    private readonly TimeProvider _clock;

    internal OperatorBudgets(Store store, SpendOptions options, TimeProvider clock) => (_store, _options, _clock) = (store, options, clock);

    /// <summary>All budgets of the installation.</summary>
    public Task<List<OperatorBudget>> ListAsync(CancellationToken cancel) => _store.ReadAsync(SystemJob.OperatorCommand, async db =>
    {
        var nowMs = _clock.GetUtcNow().ToUnixTimeMilliseconds();
        var budgets = (await db.Set<Budget>().AsNoTracking().OrderBy(b => b.Id).ToListAsync(cancel)).ConvertAll(b => b.Terms());
        var starts = budgets.Select(t => t.Window.At(nowMs).StartMs).Distinct().ToList();
        var leases = (await db.Set<Lease>().AsNoTracking().Where(l => starts.Contains(l.WindowStart)).ToListAsync(cancel)).ToLookup(l => l.BudgetId);
        return budgets.ConvertAll(t => ToOperator(BudgetStanding.Of(t, nowMs, leases[t.Id], null)));
    }, cancel);

    /// <summary>
    /// Gives the lost capacity of a budget back, in all its windows; the operator has made sure that the provider did not bill
    /// it. Answers how much it was. What a server that died still had leased counts as lost here already, before the next start.
    /// </summary>
    /// <param name="noServerRuns">
    /// The caller holds the claim of the database. Without it a server is dead after <see cref="SpendOptions.DeadAfterSeconds"/> of silence
    /// where several may run, and never where only one can.
    /// </param>
    public Task<Outcome<NanoUsd>> ReleaseLostAsync(string budgetId, bool noServerRuns, Origin origin, CancellationToken cancel) =>
        _store.ChangeAsync<NanoUsd>(SystemJob.OperatorCommand, origin, async db =>
        {
            if (await db.Set<Budget>().AsNoTracking().SingleOrDefaultAsync(b => b.Id == budgetId) is not { } budget)
            {
                return Faults.NotFound;
            }

            var nowMs = _clock.GetUtcNow().ToUnixTimeMilliseconds();
            var sqlite = _store.Dialect == "sqlite";
            var deadBeforeMs = noServerRuns ? long.MaxValue
                : sqlite ? 0
                : await EpochAppend.NowAsync(db) - (_options.DeadAfterSeconds * 1_000L);
            var others = await EpochAppend.OthersAsync(db, NoEpoch);
            await LeaseAppend.CloseDeadAsync(db, sqlite, [.. others.Where(o => o.SeenMs < deadBeforeMs)], nowMs);
            var released = new NanoUsd(await LeaseAppend.ReleaseLostAsync(db, sqlite, budgetId));
            db.Raise(new Event("operator.budget.released", new Resource("budget", budgetId, budget.SubjectOf().ToString()))
            {
                Log = EventLog.Installation,
                Changes = [new FieldChange("lost_usd", released.ToString(), NanoUsd.Zero.ToString())],
            });
            db.Touch(LedgerKeeper.FeedTopic, budgetId);
            return released;
        }, cancel);

    private static OperatorBudget ToOperator(BudgetStanding standing)
    {
        var figures = FiguresAnswer.Of(standing);
        var terms = standing.Terms;
        return new OperatorBudget(
            terms.Id, terms.OrganizationId, terms.Subject.WorkspaceId, figures.Scope, figures.Window, figures.Mode, figures.AmountUsd,
            figures.SettledUsd, figures.HeldUsd, figures.LostUsd, figures.FreeUsd, standing.Span.ResetsAt);
    }
}
