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
/// <param name="CancelMargin">How many output tokens, for each choice, are billed at the most beyond those seen when a call is broken off; null is unknown.</param>
internal readonly record struct Settlement(WorstCase Worst, PriceList? Prices, bool IsStrict, NanoUsd Held, int? CancelMargin = null)
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

    /// <summary>
    /// The client left and the provider was told to stop, which ends its bill. Under a strict budget that is the most that it can be: a token
    /// for each byte that was seen, and the margin.
    /// </summary>
    /// <param name="usage">What the provider says of the whole answer.</param>
    /// <param name="input">What the provider has counted as input already, where it has.</param>
    public Metered OfCut(TokenCounts? usage, long textBytes, TokenCounts? input = null)
    {
        if (usage is { } counts && TryCost(counts, out var cost))
        {
            return new Metered(counts, cost, Provenance.Exact);
        }

        return !IsStrict ? AtLeast(textBytes, input)
            : CancelMargin is { } margin && AtMost(textBytes + ((long)margin * Worst.Choices), input) is { } bounded ? bounded
            : OfBreak(null, textBytes, input);
    }

    /// <summary>The request went out and the answer did not come, or broke off: the provider may bill anything up to the bound.</summary>
    public Metered OfBreak(TokenCounts? usage, long textBytes, TokenCounts? input = null)
    {
        if (usage is { } counts && TryCost(counts, out var cost))
        {
            return new Metered(counts, cost, Provenance.Exact);
        }

        return IsStrict ? AtLeast(textBytes, input) with { Cost = Held, Provenance = Provenance.Lost } : AtLeast(textBytes, input);
    }

    /// <summary>The bound of what so many tokens of output cost, or what is held where that is less; null for numbers that no bill holds.</summary>
    private Metered? AtMost(long output, TokenCounts? input)
    {
        var counts = (input ?? new TokenCounts(Worst.InputTokens, 0, 0, 0, 0)) with { Output = Math.Min(output, Worst.OutputTokens) };
        var isKnown = TryCost(counts, out var cost);
        if (isKnown && input is null && Prices is { } prices)
        {
            // Whatever class the input turns out to be.
            cost = PriceList.RoundUp(((Int128)counts.Input * Worst.InputPrice(prices).Value) + ((Int128)counts.Output * prices.Output.Value));
        }

        return isKnown ? new Metered(counts, cost < Held ? cost : Held, Provenance.Estimated) : null;
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
