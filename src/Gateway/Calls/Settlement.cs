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
    /// <summary>A recording of speech, as it is most often sent (128 kbit/s), where nobody says how long it is.</summary>
    private const int RecordingBytesPerSecond = 16_000;

    /// <summary>Tokens that models hear or say in a second, and characters that are spoken in one, for estimates.</summary>
    private const int TokensPerSecond = 20;
    private const int CharactersPerSecond = 15;

    /// <summary>The answer arrived to its end.</summary>
    /// <param name="images">How many images it holds.</param>
    public Metered OfAnswer(TokenCounts? usage, long textBytes, long images = 0)
    {
        if (WithUnits(usage, images) is { } counts && TryCost(counts, out var cost))
        {
            return Told(counts, cost);
        }

        return IsStrict
            ? new Metered(new TokenCounts(Worst.InputTokens, 0, 0, Worst.OutputTokens, 0), Held, Provenance.Estimated)
            : AtLeast(textBytes, seconds: usage?.Seconds ?? 0) with { Provenance = Provenance.Estimated };
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
            return Told(counts, cost);
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
            return Told(counts, cost);
        }

        return IsStrict ? AtLeast(textBytes, input) with { Cost = Held, Provenance = Provenance.Lost } : AtLeast(textBytes, input);
    }

    /// <summary>
    /// What was told, at its cost. Where a class, unit or tier of it has no price, the cost is a floor, and the whole hold under a strict budget;
    /// where the price of an image was left to the provider, it is that of the dearest. Characters are counted here, and so estimated.
    /// </summary>
    private Metered Told(in TokenCounts counts, NanoUsd cost)
    {
        var isKnown = Prices?.Knows(counts, Worst.Tier) != false && (counts.Images == 0 || Prices?.Units?.HasImages != true || Worst.ImagePrice is not null);
        var isCounted = counts.Characters > 0 || (counts.Images > 0 && Worst.ImagePrice is not null && !Worst.IsImagePriceSure);
        return isKnown ? new Metered(counts, cost, isCounted ? Provenance.Estimated : Provenance.Exact)
            : IsStrict ? new Metered(counts, cost > Held ? cost : Held, Provenance.Estimated)
            : new Metered(counts, cost, Provenance.Floor);
    }

    /// <summary>What is billed by units is known from the answer and the request, also where the provider says nothing of tokens.</summary>
    private TokenCounts? WithUnits(TokenCounts? usage, long images)
    {
        var units = Prices?.Units;
        if (usage is { Seconds: > 0 } && Prices is not null && units?.Second is null)
        {
            // A length that has no price says nothing of the cost.
            return null;
        }

        var counts = (usage ?? default) with { Images = images, Characters = units?.Character is null ? 0 : Worst.Characters };
        return usage is not null || (Prices is { HasTokens: false } && (counts.Characters > 0 || (images > 0 && units!.HasImages))) ? counts : null;
    }

    /// <summary>The bound of what so many tokens of output cost, or what is held where that is less; null for numbers that no bill holds.</summary>
    private Metered? AtMost(long output, TokenCounts? input)
    {
        var counts = (input ?? new TokenCounts(Worst.InputTokens, 0, 0, 0, 0)) with { Output = Math.Min(output, Worst.OutputTokens) };
        var isKnown = TryCost(counts, out var cost);
        if (isKnown && input is null && Prices is { } prices)
        {
            // Whatever class the input turns out to be.
            cost = PriceList.RoundUp(((Int128)counts.Input * Worst.InputPrice(prices).Value) + ((Int128)counts.Output * Worst.OutputPrice(prices).Value));
        }

        return isKnown ? new Metered(counts, cost < Held ? cost : Held, Provenance.Estimated) : null;
    }

    /// <summary>What a text of that size has at the least, on both sides.</summary>
    private Metered AtLeast(long textBytes, TokenCounts? input = null, long seconds = 0)
    {
        var counts = (input ?? new TokenCounts(TokenCounts.FloorOf(Worst.BodyBytes), 0, 0, 0, 0)) with { Output = TokenCounts.FloorOf(textBytes) };
        if (Worst.IsHeard)
        {
            counts = counts with { Input = 0, Seconds = Math.Max(1, seconds > 0 ? seconds : Worst.BodyBytes / RecordingBytesPerSecond) };
            counts = Prices is { HasTokens: true } ? counts with { AudioInput = counts.Seconds * TokensPerSecond, Seconds = 0 } : counts;
        }
        else if (Worst.Characters > 0)
        {
            counts = Prices is { HasTokens: false } ? default(TokenCounts) with { Characters = Worst.Characters }
                : counts with { AudioOutput = Worst.Characters * TokensPerSecond / CharactersPerSecond };
        }

        return TryCost(counts, out var cost) ? new Metered(counts, cost, Provenance.Floor) : new Metered(counts, Held, Provenance.Lost);
    }

    /// <summary>False for numbers that no bill holds: such a usage is broken and counts as missing.</summary>
    private bool TryCost(in TokenCounts counts, out NanoUsd cost)
    {
        cost = NanoUsd.Zero;
        try
        {
            cost = Prices?.CostOf(counts, Worst.Tier, Worst.ImagePrice) ?? NanoUsd.Zero;
            return true;
        }
        catch (OverflowException)
        {
            return false;
        }
    }
}
