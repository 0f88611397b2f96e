using System.Collections.Concurrent;
using System.Runtime.CompilerServices;
using Crew.Kernel;

namespace Crew.Spend.Contracts;

/// <summary>
/// The door to money: whom a request counts against, whether it is capped, and the one hold that must be had before anything is
/// sent to a provider.
/// </summary>
public sealed class Ledger
{
    private readonly ConcurrentDictionary<string, Book> _books = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<string, BudgetTerms> _terms = new(StringComparer.Ordinal);
    private readonly ConditionalWeakTable<Caller, Scopes> _scopes = [];
    private readonly Func<string, Book> _newBook;
    private readonly SpendOptions _options;
    private readonly TimeProvider _clock;

    internal Ledger(LeaseDesk desk, SpendOptions options, TimeProvider clock)
    {
        (Desk, _options, _clock) = (desk, options, clock);
        _newBook = organizationId => new Book(organizationId, desk, clock);
    }

    internal LeaseDesk Desk { get; }

    internal ICollection<Book> Books => _books.Values;

    /// <summary>The chain of a caller's requests in a workspace. Cheap: kept as long as the caller.</summary>
    /// <param name="crewId">Null when the request has no crew; then there is no crew level.</param>
    /// <param name="workspaceId">The workspace that the request acts in; an account master may choose another one than its own.</param>
    public SpendScope ScopeOf(Caller caller, string? crewId, string workspaceId)
    {
        var scopes = _scopes.GetOrCreateValue(caller);
        return scopes.TryGetValue((workspaceId, crewId), out var scope)
            ? scope
            : scopes.GetOrAdd((workspaceId, crewId), new SpendScope(BookOf(caller.OrganizationId), caller, workspaceId, crewId));
    }

    /// <summary>Whether any budget, strict or tracking, stands in the chain: then only priced models may be called.</summary>
    public bool IsCapped(SpendScope scope) => !Desk.IsOpen || scope.Book.ChainOf(scope).Allowances.Length > 0;

    /// <summary>Whether a strict budget stands in the chain: then only bounded calls go out, to targets that honour the output cap.</summary>
    public bool IsStrict(SpendScope scope) => !Desk.IsOpen || scope.Book.ChainOf(scope).IsStrict;

    /// <summary>
    /// Sets the worst case aside on every level of the chain, or on none. Completes at once unless a lease has to grow first;
    /// then it waits for the database's word, so that nothing is refused that the budgets would have covered.
    /// </summary>
    /// <returns>
    /// A hold, also when no budget stands in the chain; or <c>insufficient_quota</c> (402), <c>cost_not_boundable</c> (400),
    /// <c>storage_unavailable</c> (503, leases could not grow in time).
    /// </returns>
    public ValueTask<Outcome<Hold>> HoldAsync(SpendScope scope, HoldRequest request, CancellationToken cancel)
    {
        if (!Desk.IsOpen)
        {
            return new ValueTask<Outcome<Hold>>(Faults.StorageUnavailable);
        }

        var arrived = 0L;
        if (!Desk.IsValid)
        {
            arrived = _clock.GetTimestamp();
            return WaitAsync(scope, request, arrived, Task.CompletedTask, cancel);
        }

        return scope.Book.TryHold(scope, request, ref arrived, out var outcome) switch
        {
            HoldVerdict.Granted => new ValueTask<Outcome<Hold>>(outcome.Hold!),
            HoldVerdict.Refused => new ValueTask<Outcome<Hold>>(SpendFaults.InsufficientQuota(scope, outcome.Blocking!)),
            HoldVerdict.NotBoundable => new ValueTask<Outcome<Hold>>(SpendFaults.CostNotBoundable),
            _ => WaitAsync(scope, request, arrived, Task.WhenAll(outcome.Waits!), cancel),
        };
    }

    /// <summary>
    /// Lets a hold grow to a bigger worst case of the same request, on every level or on none, while its answer streams. For targets that
    /// stop billing when they are told to stop: there a long answer is paid for in steps, and cut when no more fits.
    /// </summary>
    /// <returns>Whether the whole of <paramref name="request"/> is held now. If not, what was held before still is.</returns>
    public async ValueTask<bool> ExtendAsync(Hold hold, HoldRequest request, CancellationToken cancel)
    {
        var (total, arrived) = (request.WorstCase, 0L);
        if (!hold.IsStrict)
        {
            return true;
        }

        if (!Desk.IsOpen || !Desk.IsValid)
        {
            return false;
        }

        var verdict = hold.Book.TryExtend(hold, total, ref arrived, out var outcome);
        if (verdict != HoldVerdict.Waits)
        {
            return verdict == HoldVerdict.Granted;
        }

        var decided = await WaitAsync(
            (ref long since, out HoldOutcome again) => hold.Book.TryExtend(hold, total, ref since, out again), arrived,
            Task.WhenAll(outcome.Waits!), cancel);
        return decided is { Verdict: HoldVerdict.Granted };
    }

    /// <summary>Takes a budget as it is now.</summary>
    internal void Put(BudgetTerms terms)
    {
        if (!_terms.TryGetValue(terms.Id, out var known) || known.Version <= terms.Version)
        {
            _terms[terms.Id] = terms;
            BookOf(terms.OrganizationId).Put(terms);
        }
    }

    internal void Remove(string budgetId)
    {
        if (_terms.TryRemove(budgetId, out var terms))
        {
            BookOf(terms.OrganizationId).Remove(terms);
        }
    }

    /// <summary>Another node needs what is leased here of a budget and not used.</summary>
    internal void Recall(string budgetId, long number)
    {
        if (_terms.TryGetValue(budgetId, out var terms))
        {
            BookOf(terms.OrganizationId).Recall(budgetId, number);
        }
    }

    internal Book BookOf(string organizationId) => _books.GetOrAdd(organizationId, _newBook);

    private async ValueTask<Outcome<Hold>> WaitAsync(SpendScope scope, HoldRequest request, long arrived, Task waits, CancellationToken cancel) =>
        await WaitAsync(
            (ref long since, out HoldOutcome outcome) => scope.Book.TryHold(scope, request, ref since, out outcome), arrived, waits, cancel) switch
        {
            { Verdict: HoldVerdict.Granted } granted => granted.Outcome.Hold!,
            { Verdict: HoldVerdict.Refused } refused => SpendFaults.InsufficientQuota(scope, refused.Outcome.Blocking!),
            { Verdict: HoldVerdict.NotBoundable } => SpendFaults.CostNotBoundable,
            _ => Faults.StorageUnavailable,
        };

    /// <summary>Tries again whenever the leases it waits for were looked at, until there is a verdict or the time is up (null).</summary>
    private async ValueTask<Decided?> WaitAsync(Attempt attempt, long arrived, Task waits, CancellationToken cancel)
    {
        var most = TimeSpan.FromMilliseconds(_options.HoldWaitMilliseconds);
        while (_clock.GetElapsedTime(arrived) is var waited && waited < most && Desk.IsOpen)
        {
            try
            {
                await waits.WaitAsync(most - waited, _clock, cancel);
            }
            catch (TimeoutException)
            {
                return null;
            }

            if (!Desk.IsValid)
            {
                // Out of touch: what was leased may belong to others by now. The next report of life tells.
                waits = Task.Delay(TimeSpan.FromMilliseconds(_options.RetryMilliseconds), _clock, cancel);
                continue;
            }

            var verdict = attempt(ref arrived, out var outcome);
            if (verdict != HoldVerdict.Waits)
            {
                return new Decided(verdict, outcome);
            }

            waits = Task.WhenAll(outcome.Waits!);
        }

        return null;
    }

    private delegate HoldVerdict Attempt(ref long arrived, out HoldOutcome outcome);

    private sealed record Decided(HoldVerdict Verdict, HoldOutcome Outcome);

    /// <summary>The scopes of one caller, by workspace and crew.</summary>
    private sealed class Scopes() : ConcurrentDictionary<(string WorkspaceId, string? CrewId), SpendScope>;
}
