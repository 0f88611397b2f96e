using Crew.Gateway.Metering;
using Crew.Kernel;
using Crew.Spend.Contracts;

namespace Crew.Gateway.Calls;

/// <summary>What one physical attempt is charged with, and how sure that is.</summary>
internal readonly record struct Metered(TokenCounts Tokens, NanoUsd Cost, Provenance Provenance)
{
    public static readonly Metered Nothing = new(default, NanoUsd.Zero, Provenance.Exact);
}

/// <summary>What is known before an attempt: its upper bounds, its prices, its hold. Decides what the attempt cost. Pure.</summary>
/// <param name="Worst">Upper bounds of the tokens.</param>
/// <param name="Prices">Null is unknown; then tokens count and money does not.</param>
/// <param name="IsStrict">Whether a strict budget pays: then what nobody knows is charged in full.</param>
/// <param name="Held">What was set aside.</param>
internal readonly record struct Settlement(WorstCase Worst, PriceList? Prices, bool IsStrict, NanoUsd Held)
{
    /// <summary>The answer arrived to its end.</summary>
    public Metered OfAnswer(TokenCounts? usage, long textBytes)
    {
        if (usage is { } counts && TryCost(counts, out var cost))
        {
            return new Metered(counts, cost, Provenance.Exact);
        }

        return IsStrict
            ? new Metered(new TokenCounts(Worst.InputTokens, 0, 0, Worst.OutputTokens, 0), Held, Provenance.Estimated)
            : AtLeast(textBytes) with { Provenance = Provenance.Estimated };
    }

    /// <summary>The client left and the provider was told to stop, which ends its bill.</summary>
    /// <param name="input">What the provider has counted as input already, where it has.</param>
    public Metered OfCut(TokenCounts? usage, long textBytes, TokenCounts? input = null) =>
        usage is { } counts && TryCost(counts, out var cost) ? new Metered(counts, cost, Provenance.Exact) : AtLeast(textBytes, input);

    /// <summary>The request went out and the answer did not come, or broke off: the provider may bill anything up to the bound.</summary>
    public Metered OfBreak(TokenCounts? usage, long textBytes, TokenCounts? input = null)
    {
        if (usage is { } counts && TryCost(counts, out var cost))
        {
            return new Metered(counts, cost, Provenance.Exact);
        }

        return IsStrict ? AtLeast(textBytes, input) with { Cost = Held, Provenance = Provenance.Lost } : AtLeast(textBytes, input);
    }

    /// <summary>What a text of that size has at the least, on both sides.</summary>
    private Metered AtLeast(long textBytes, TokenCounts? input = null)
    {
        var counts = (input ?? new TokenCounts(TokenCounts.FloorOf(Worst.BodyBytes), 0, 0, 0, 0)) with { Output = TokenCounts.FloorOf(textBytes) };
        return TryCost(counts, out var cost) ? new Metered(counts, cost, Provenance.Floor) : new Metered(counts, Held, Provenance.Lost);
    }

    /// <summary>False for numbers that no bill holds: such a usage is broken and counts as missing.</summary>
    private bool TryCost(in TokenCounts counts, out NanoUsd cost)
    {
        cost = NanoUsd.Zero;
        try
        {
            cost = Prices?.CostOf(counts) ?? NanoUsd.Zero;
            return true;
        }
        catch (OverflowException)
        {
            return false;
        }
    }
}
