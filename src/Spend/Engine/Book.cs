using Crew.Kernel;
using Crew.Spend.Contracts;

namespace Crew.Spend;

/// <summary>How an attempt to hold ended.</summary>
internal enum HoldVerdict
{
    Granted,

    /// <summary>Some lease must grow first; wait for the tasks, then try again.</summary>
    Waits,

    /// <summary>Some budget has no room for it, now that the database said so.</summary>
    Refused,

    /// <summary>A strict budget and a cost without a bound.</summary>
    NotBoundable,
}

/// <summary>
/// The budgets of one organization with all that this process holds, settled and leased of them. One short lock makes every
/// hold all-or-nothing over its chain; nothing in here waits or does I/O.
/// </summary>
internal sealed partial class Book(string organizationId, LeaseDesk desk, TimeProvider clock)
{
    private readonly Lock _lock = new();
    private readonly Dictionary<BudgetSubject, BudgetTerms[]> _terms = [];
    private readonly Dictionary<string, Allowance> _current = [];
    private readonly List<Allowance> _retired = [];
    private long _version;

    public string OrganizationId { get; } = organizationId;

    /// <summary>Whether other nodes lease from the same database.</summary>
    public bool IsShared => desk.IsShared;

    /// <summary>Grows whenever a budget appears, changes or goes.</summary>
    public long Version => Volatile.Read(ref _version);

    /// <summary>Takes a budget as it is now; also the sign to forget what was known of its headroom.</summary>
    public void Put(BudgetTerms terms)
    {
        lock (_lock)
        {
            _terms.TryGetValue(terms.Subject, out var known);
            _terms[terms.Subject] = [.. (known ?? []).Where(t => t.Id != terms.Id), terms];
            if (_current.TryGetValue(terms.Id, out var allowance))
            {
                var tighter = terms.AmountNano < allowance.Terms.AmountNano || terms.IsStrict != allowance.Terms.IsStrict;
                allowance.Terms = terms;
                if (tighter)
                {
                    allowance.CutDown();
                }
                else
                {
                    allowance.Forget();
                }
            }

            Volatile.Write(ref _version, _version + 1);
        }
    }

    public void Remove(BudgetTerms terms)
    {
        lock (_lock)
        {
            if (_terms.TryGetValue(terms.Subject, out var known))
            {
                _terms[terms.Subject] = [.. known.Where(t => t.Id != terms.Id)];
                if (_terms[terms.Subject].Length == 0)
                {
                    _terms.Remove(terms.Subject);
                }
            }

            if (_current.Remove(terms.Id, out var allowance))
            {
                Retire(allowance);
            }

            Volatile.Write(ref _version, _version + 1);
        }
    }

    public bool HasBudget(BudgetSubject subject)
    {
        lock (_lock)
        {
            return _terms.ContainsKey(subject);
        }
    }

    /// <summary>The chain of a scope, without touching windows: who is capped, and how.</summary>
    public Chain ChainOf(SpendScope scope)
    {
        var chain = scope.Chain;
        if (chain.Version == Version)
        {
            return chain;
        }

        lock (_lock)
        {
            return Resolve(scope, desk.Time.NowMs);
        }
    }

    /// <summary>Holds the worst case on every level or on none.</summary>
    /// <param name="arrived">When the request first had to wait, on the monotonic clock; set here, kept by the caller between tries.</param>
    public HoldVerdict TryHold(SpendScope scope, in HoldRequest request, ref long arrived, out HoldOutcome outcome)
    {
        outcome = default;
        var nowMs = desk.Time.NowMs;
        lock (_lock)
        {
            var chain = Resolve(scope, nowMs);
            if (chain.IsStrict && !request.CostIsBounded)
            {
                return HoldVerdict.NotBoundable;
            }

            var amount = chain.IsStrict ? request.WorstCase : Math.Min(request.WorstCase, LargestTrackedHold);
            foreach (var allowance in chain.Allowances)
            {
                if (!allowance.Covers(amount))
                {
                    return HoldSlowly(chain, request, amount, nowMs, ref arrived, out outcome);
                }
            }

            outcome.Hold = Take(chain, amount, request.OutputTokens, isClamped: false, nowMs);
            return HoldVerdict.Granted;
        }
    }

    /// <summary>
    /// Lets a hold grow, on every level or on none, in the windows in which it was made: what it pays for began there, and their caps
    /// hold over their end.
    /// </summary>
    public HoldVerdict TryExtend(Hold hold, long total, ref long arrived, out HoldOutcome outcome)
    {
        outcome = default;
        lock (_lock)
        {
            var more = total - hold.AmountNano;
            if (hold.End != HoldEnd.Open || more <= 0)
            {
                return hold.End == HoldEnd.Open ? HoldVerdict.Granted : HoldVerdict.Refused;
            }

            if (Array.Exists(hold.Chain.Allowances, a => !a.Covers(more)))
            {
                arrived = arrived == 0 ? clock.GetTimestamp() : arrived;
                var shortage = new Shortage(new HoldRequest(new NanoUsd(more), NanoUsd.Zero, 0, true), more, arrived, clock);
                Array.ForEach(hold.Chain.Allowances, shortage.Look);
                outcome.Waits = shortage.Blocking is null ? Asking(shortage, arrived) : null;
                return shortage.Blocking is null ? HoldVerdict.Waits : HoldVerdict.Refused;
            }

            Set(hold.Chain, more, desk.Time.NowMs);
            hold.AmountNano = total;
            return HoldVerdict.Granted;
        }
    }

    /// <summary>Ends a hold; the second call of a hold does nothing.</summary>
    /// <returns>Whether this call ended it.</returns>
    public bool End(Hold hold, HoldEnd how, long cost)
    {
        lock (_lock)
        {
            if (hold.End != HoldEnd.Open)
            {
                return false;
            }

            hold.End = how;
            foreach (var allowance in hold.Chain.Allowances)
            {
                allowance.Held -= hold.AmountNano;
                switch (how)
                {
                    case HoldEnd.Settled:
                        allowance.Settled = Allowance.Sum(allowance.Settled, cost);
                        allowance.Looks = cost > 0 ? Allowance.LooksAfterSettling : allowance.Looks;
                        NoteBreach(allowance, cost - hold.AmountNano);
                        break;
                    case HoldEnd.Lost:
                        allowance.Unknown += hold.AmountNano;
                        break;
                }

                allowance.NoteUsed();
                allowance.CloseIfDue();
            }

            return true;
        }
    }

    /// <summary>What this process knows of a budget's window; null when it has not used it.</summary>
    public AllowanceState? StateOf(string budgetId)
    {
        lock (_lock)
        {
            return _current.TryGetValue(budgetId, out var a)
                ? new AllowanceState(a.LeaseId, a.Span, a.Leased, a.Settled, a.Held, a.Unknown)
                : null;
        }
    }

    /// <summary>A tracked hold only shows what is under way, so that absurd prices cannot overflow its sum.</summary>
    private const long LargestTrackedHold = 1_000_000_000_000;

    private HoldVerdict HoldSlowly(
        Chain chain, in HoldRequest request, long amount, long nowMs, ref long arrived, out HoldOutcome outcome)
    {
        outcome = default;
        arrived = arrived == 0 ? clock.GetTimestamp() : arrived;
        var shortage = new Shortage(request, amount, arrived, clock);
        foreach (var allowance in chain.Allowances)
        {
            shortage.Look(allowance);
        }

        if (shortage.Blocking is { } blocking)
        {
            outcome.Blocking = blocking;
            return HoldVerdict.Refused;
        }

        if (shortage.Growing.Count > 0)
        {
            outcome.Waits = Asking(shortage, arrived);
            return HoldVerdict.Waits;
        }

        var tokens = shortage.ClampedTokens;
        outcome.Hold = Take(chain, request.Cost(tokens), tokens, isClamped: true, nowMs);
        return HoldVerdict.Granted;
    }

    private static Task[] Asking(Shortage shortage, long arrived) =>
        [.. shortage.Growing.Select(g => g.Allowance.Ask(g.Amount, g.Smallest, arrived))];

    private Hold Take(Chain chain, long amount, long outputTokens, bool isClamped, long nowMs)
    {
        Set(chain, amount, nowMs);
        return new Hold(this, chain, amount, outputTokens, isClamped);
    }

    private static void Set(Chain chain, long amount, long nowMs)
    {
        foreach (var allowance in chain.Allowances)
        {
            allowance.Held += amount;
            allowance.LastUsedMs = nowMs;
            allowance.KeepAhead();
        }
    }

    private Chain Resolve(SpendScope scope, long nowMs)
    {
        var chain = scope.Chain;
        if (chain.Version == _version && nowMs < chain.EndMs)
        {
            return chain;
        }

        var allowances = new List<Allowance>();
        foreach (var subject in scope.Subjects)
        {
            foreach (var terms in _terms.GetValueOrDefault(subject, []))
            {
                allowances.Add(CurrentOf(terms, nowMs));
            }
        }

        return scope.Chain = new Chain([.. allowances], _version);
    }

    /// <summary>The allowance of the window of now. Windows only roll forward: a clock set back keeps counting in the later one.</summary>
    private Allowance CurrentOf(BudgetTerms terms, long nowMs)
    {
        if (_current.TryGetValue(terms.Id, out var allowance))
        {
            if (nowMs < allowance.Span.EndMs)
            {
                return allowance;
            }

            Retire(allowance);
        }

        return _current[terms.Id] = new Allowance(desk.NextLeaseId(), terms, terms.Window.At(nowMs), this) { LastUsedMs = nowMs };
    }
}

/// <summary>What this process knows of one budget in its current window, in nano-USD.</summary>
internal sealed record AllowanceState(string LeaseId, WindowSpan Span, long Leased, long Settled, long Held, long Unknown);
