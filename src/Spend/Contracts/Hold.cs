using Crew.Kernel;
using Crew.Storage;

namespace Crew.Spend.Contracts;

/// <summary>How a hold ended.</summary>
internal enum HoldEnd
{
    Open,
    Settled,
    Released,
    Lost,
}

/// <summary>
/// Capacity set aside for one physical attempt on every level of its chain. It ends exactly once: settled with what the attempt
/// cost, released when nothing was sent, or disposed open, which keeps the amount as spent because nobody knows.
/// </summary>
public sealed class Hold : IDisposable
{
    internal Hold(Book book, Chain chain, long amountNano, long outputTokens, bool isClamped) =>
        (Book, Chain, AmountNano, GrantedOutputTokens, IsClamped) = (book, chain, amountNano, outputTokens, isClamped);

    /// <summary>What is held on every level.</summary>
    public NanoUsd Amount => new(AmountNano);

    /// <summary>The output cap that this hold pays for: send it upstream when <see cref="IsClamped"/>.</summary>
    public long GrantedOutputTokens { get; }

    /// <summary>Whether the output cap is lower than asked.</summary>
    public bool IsClamped { get; }

    /// <summary>Whether any budget of the chain is strict; the cap sent upstream must then be honoured.</summary>
    public bool IsStrict => Chain.IsStrict;

    internal Book Book { get; }

    internal Chain Chain { get; }

    /// <summary>Grows by steps; guarded by the book's lock.</summary>
    internal long AmountNano { get; set; }

    /// <summary>Guarded by the book's lock.</summary>
    internal HoldEnd End { get; set; } = HoldEnd.Open;

    /// <summary>
    /// Ends the hold with the attempt's cost: corrects the memory at once, and adds the attempt's row and the counter deltas to
    /// the flush, so that ledger and counters become durable together. Call it once, just before the work is appended.
    /// </summary>
    /// <returns>
    /// How far the cost passed the hold; zero is the rule. Under a strict chain it is debt that blocks, and the target that
    /// billed it must take no more strict requests.
    /// </returns>
    /// <exception cref="InvalidOperationException">The hold has ended before.</exception>
    public NanoUsd Settle(Attempt attempt, AppendWork work)
    {
        var cost = attempt.Cost.Value;
        ArgumentOutOfRangeException.ThrowIfNegative(cost, nameof(attempt));
        if (!Book.End(this, HoldEnd.Settled, cost))
        {
            throw new InvalidOperationException("This hold has ended already.");
        }

        attempt.LeaseIds = Chain.LeaseIds;
        work.Rows.Add(attempt);
        if (cost > 0)
        {
            foreach (var allowance in Chain.Allowances)
            {
                work.Counters.Add(new CounterDelta(LeaseTable.Settled, allowance.LeaseId, cost));
            }
        }

        return new NanoUsd(Math.Max(0, cost - AmountNano));
    }

    /// <summary>Gives the whole amount back, because nothing was sent. Does nothing when the hold has ended.</summary>
    public void Release() => Book.End(this, HoldEnd.Released, 0);

    /// <summary>Keeps the amount as spent when the hold is still open: whoever dropped it may have sent the request.</summary>
    public void Dispose() => Book.End(this, HoldEnd.Lost, 0);
}
