using Crew.Kernel;

namespace Crew.Gateway.Metering;

/// <summary>
/// What a million tokens of each class cost, in nano-USD. Reasoning costs what output costs. All prices are known:
/// a model without a price list has no price, which is not the same as the price zero.
/// </summary>
internal sealed record PriceList
{
    public const long TokensPerPrice = 1_000_000;

    /// <summary>
    /// No bill of one attempt is higher: 100,000 dollars. A provider's counts that come to more are a broken number, and sums of
    /// costs stay far from overflow.
    /// </summary>
    public static readonly NanoUsd MaxCost = new(100_000 * NanoUsd.PerDollar);

    private PriceList(NanoUsd input, NanoUsd output, NanoUsd cacheRead, NanoUsd cacheWrite) =>
        (Input, Output, CacheRead, CacheWrite) = (input, output, cacheRead, cacheWrite);

    public NanoUsd Input { get; }

    public NanoUsd Output { get; }

    public NanoUsd CacheRead { get; }

    public NanoUsd CacheWrite { get; }

    /// <summary>
    /// What is written for an hour instead of five minutes: 2 times the input price instead of 1.25 times
    /// (https://docs.anthropic.com/en/docs/build-with-claude/prompt-caching), so 8/5 of the short one's. Where writing costs no more than
    /// reading, the provider has no such surcharge.
    /// </summary>
    public NanoUsd LongCacheWrite => CacheWrite.Value <= Input.Value ? CacheWrite : new(checked(((CacheWrite.Value * 8) + 4) / 5));

    /// <summary>The dearest that an input token can become, whatever class it turns out to be; what is kept for an hour aside.</summary>
    public NanoUsd DearestInput => new(Math.Max(Input.Value, Math.Max(CacheRead.Value, CacheWrite.Value)));

    /// <summary>Reads US dollars per million tokens, such as <c>2.50</c>. A missing cache price is the input price.</summary>
    public static Outcome<PriceList> Parse(string? input, string? output, string? cacheRead = null, string? cacheWrite = null)
    {
        foreach (var (name, text, needed) in new[]
        {
            ("input", input, true), ("output", output, true), ("cache_read", cacheRead, false), ("cache_write", cacheWrite, false),
        })
        {
            if ((needed || text is not null) && !NanoUsd.TryParse(text, out _))
            {
                return Faults.Invalid($"price_per_million_usd.{name}",
                    $"The price `{name}` must be a decimal text of US dollars per million tokens, at most 9 decimals, such as \"2.50\".");
            }
        }

        _ = NanoUsd.TryParse(input, out var inputPrice);
        _ = NanoUsd.TryParse(output, out var outputPrice);
        return new PriceList(inputPrice, outputPrice,
            NanoUsd.TryParse(cacheRead, out var read) ? read : inputPrice,
            NanoUsd.TryParse(cacheWrite, out var write) ? write : inputPrice);
    }

    /// <summary>A list of known prices. A missing cache price is the input price.</summary>
    public static PriceList Of(NanoUsd input, NanoUsd output, NanoUsd? cacheRead, NanoUsd? cacheWrite) =>
        new(input, output, cacheRead ?? input, cacheWrite ?? input);

    /// <summary>The cost of these tokens, rounded up once to a whole nano-USD.</summary>
    /// <exception cref="OverflowException">The cost is above <see cref="MaxCost"/>.</exception>
    public NanoUsd CostOf(in TokenCounts tokens)
    {
        var cost = RoundUp(
            ((Int128)tokens.Input * Input.Value) + ((Int128)tokens.CacheRead * CacheRead.Value)
            + ((Int128)(tokens.CacheWrite - tokens.LongCacheWrite) * CacheWrite.Value)
            + ((Int128)tokens.LongCacheWrite * LongCacheWrite.Value) + ((Int128)tokens.AllOutput * Output.Value));
        return cost <= MaxCost ? cost : throw new OverflowException("No attempt costs as much.");
    }

    internal static NanoUsd RoundUp(Int128 millionths)
    {
        var (whole, rest) = Int128.DivRem(millionths, TokensPerPrice);
        return new NanoUsd(checked((long)(rest > 0 ? whole + 1 : whole)));
    }
}
