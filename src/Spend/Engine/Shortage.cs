using Crew.Spend.Contracts;

namespace Crew.Spend;

/// <summary>What a try to hold came to, besides its verdict: one of the three is set.</summary>
internal struct HoldOutcome
{
    public Hold? Hold { get; set; }

    public Allowance? Blocking { get; set; }

    /// <summary>All of them must have ended before it is worth another try.</summary>
    public IReadOnlyList<Task>? Waits { get; set; }
}

/// <summary>
/// Judges a chain on which the whole worst case is not there at once: which leases may still grow, which budgets are at their
/// end, and how much output fits when all of these let it be clamped.
/// </summary>
internal sealed class Shortage(HoldRequest request, long amount, long arrived, TimeProvider clock)
{
    public List<(Allowance Allowance, long Amount, long Smallest)> Growing { get; } = [];

    /// <summary>The budget to name in the refusal: the last of the blocking ones to admit again.</summary>
    public Allowance? Blocking { get; private set; }

    public long ClampedTokens { get; private set; } = request.OutputTokens;

    private bool IsLate => clock.GetElapsedTime(arrived).TotalMilliseconds >= RecallRules.DecideMilliseconds;

    public void Look(Allowance allowance)
    {
        if (allowance.Covers(amount))
        {
            return;
        }

        if (!allowance.Terms.IsStrict || amount == 0)
        {
            Growing.Add((allowance, 0, 0));
            return;
        }

        var least = allowance.Terms.ClampsOutput && request.CanBeClamped ? request.ClampedCase : amount;
        var isKnown = allowance.IsDurable && allowance.IsFresh(arrived, clock) && (allowance.IsProven || IsLate);
        var elsewhere = Allowance.Sum(allowance.Headroom, allowance.Recallable);
        if (!isKnown || (elsewhere > 0 && least - allowance.Available <= elsewhere) || WasThereAtOnce(allowance, least, elsewhere))
        {
            Growing.Add((allowance, amount, least));
        }
        else if (allowance.Available >= least)
        {
            ClampedTokens = Math.Min(ClampedTokens, request.TokensFor(allowance.Available));
        }
        else if (Blocking is null || allowance.Span.EndMs > Blocking.Span.EndMs)
        {
            Blocking = allowance;
        }
    }
    /// <summary>
    /// Whether it would have fitted at one instant since the other nodes were looked at, and was taken by others meanwhile: then they
    /// have to be looked at again. Not for long: at some point the last word counts.
    /// </summary>
    private bool WasThereAtOnce(Allowance allowance, long least, long elsewhere) => allowance.Book.IsShared && allowance.Available < least
        && least - allowance.AvailableAtBest <= elsewhere && !IsLate;
}
