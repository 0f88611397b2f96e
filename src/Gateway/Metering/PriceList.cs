using Crew.Kernel;

namespace Crew.Gateway.Metering;

/// <summary>Prices that hold from a length of input on, for the whole call.</summary>
/// <param name="InputTokens">They hold above so many tokens of input of all classes.</param>
internal sealed record PriceStep(long InputTokens, TokenPrices Prices);

/// <summary>The prices of one service tier: those of a short call, and those of longer ones in rising order.</summary>
internal sealed record PriceTable(TokenPrices Base, IReadOnlyList<PriceStep> Above)
{
    /// <summary>What a call with so much input is billed at.</summary>
    public TokenPrices For(long inputTokens)
    {
        var prices = Base;
        foreach (var step in Above)
        {
            prices = inputTokens > step.InputTokens ? step.Prices : prices;
        }

        return prices;
    }

    /// <summary>All prices that a call with at most so much input can be billed at.</summary>
    public IEnumerable<TokenPrices> Within(long inputTokens) => Above.Where(s => inputTokens > s.InputTokens).Select(s => s.Prices).Prepend(Base);
}

/// <summary>
/// What a model costs: a function of the whole call, not of each token, because long inputs and other service tiers change every price of it.
/// All prices are known: a model without a price list has no price, which is not the same as the price zero.
/// </summary>
internal sealed class PriceList
{
    public const long TokensPerPrice = 1_000_000;

    /// <summary>
    /// No bill of one attempt is higher: 100,000 dollars. A provider's counts that come to more are a broken number, and sums of
    /// costs stay far from overflow.
    /// </summary>
    public static readonly NanoUsd MaxCost = new(100_000 * NanoUsd.PerDollar);

    private readonly PriceTable _standard;
    private readonly IReadOnlyDictionary<ServiceTier, PriceTable> _tiers;

    internal PriceList(PriceTable standard, IReadOnlyDictionary<ServiceTier, PriceTable> tiers, UnitPrices? units, bool hasTokens)
    {
        (_standard, _tiers, Units, HasTokens) = (standard, tiers, units, hasTokens);
        IsPlain = standard.Above.Count == 0 && tiers.Count == 0 && units is null;
    }

    public TokenPrices Base => _standard.Base;

    public PriceTable Standard => _standard;

    public IReadOnlyDictionary<ServiceTier, PriceTable> Tiers => _tiers;

    /// <summary>Prices of images, seconds and characters, where the model is billed by them.</summary>
    public UnitPrices? Units { get; }

    /// <summary>False where only units are billed.</summary>
    public bool HasTokens { get; }

    public NanoUsd Input => Base.Input;

    public NanoUsd Output => Base.Output;

    public NanoUsd CacheRead => Base.CacheRead;

    public NanoUsd CacheWrite => Base.CacheWrite;

    public NanoUsd LongCacheWrite => Base.LongCacheWrite;

    public NanoUsd DearestInput => Base.DearestInput;

    /// <summary>One price for each class, whatever the call.</summary>
    public bool IsPlain { get; }

    /// <summary>Reads US dollars per million tokens, such as <c>2.50</c>. A missing cache price is the input price.</summary>
    public static Outcome<PriceList> Parse(string? input, string? output, string? cacheRead = null, string? cacheWrite = null)
    {
        var parsed = PriceTexts.Parse(new ModelPrices(input, output, cacheRead, cacheWrite), null);
        return parsed.Failed(out var fault) ? fault : parsed.Value!;
    }

    /// <summary>Every price that a call can be billed at.</summary>
    /// <param name="asked">The tier that the request names; one that it leaves open may be any.</param>
    /// <param name="inputTokens">The most that its input can be.</param>
    public IEnumerable<TokenPrices> Within(ServiceTier asked, long inputTokens)
    {
        // A tier that is not to be had may be served, and billed, as the usual one.
        var tables = asked == ServiceTier.Unsaid ? _tiers.Values.Prepend(_standard)
            : _tiers.TryGetValue(asked, out var table) ? [_standard, table] : (IEnumerable<PriceTable>)[_standard];
        return tables.SelectMany(t => t.Within(inputTokens));
    }

    /// <summary>Whether each class, unit and tier of a bill has a price of its own, so that its cost is what the provider asks for.</summary>
    public bool Knows(in TokenCounts tokens, ServiceTier asked)
    {
        var tier = TierOf(tokens, asked);
        return (tier is ServiceTier.Unsaid or ServiceTier.Standard or ServiceTier.Scale || _tiers.ContainsKey(tier))
            && TableOf(tier).For(tokens.AllInput).Knows(tokens) && (tokens.Seconds == 0 || Units?.Second is not null);
    }

    /// <summary>The cost of these tokens and units, rounded up once to a whole nano-USD.</summary>
    /// <param name="tokens">What was used, and at which service tier.</param>
    /// <param name="asked">The tier that the request named, for answers that name none.</param>
    /// <param name="image">The price of one of its images.</param>
    /// <exception cref="OverflowException">The cost is above <see cref="MaxCost"/>.</exception>
    public NanoUsd CostOf(in TokenCounts tokens, ServiceTier asked = ServiceTier.Standard, NanoUsd? image = null)
    {
        var tier = TierOf(tokens, asked);
        var sum = TableOf(tier).For(tokens.AllInput).SumOf(tokens);
        if (tokens.Tier == ServiceTier.Unsaid && tier is not (ServiceTier.Standard or ServiceTier.Unsaid))
        {
            // Nobody says whether the tier that was asked for was to be had.
            sum = Int128.Max(sum, _standard.For(tokens.AllInput).SumOf(tokens));
        }

        var units = ((Int128)tokens.Images * (image ?? NanoUsd.Zero).Value) + ((Int128)tokens.Seconds * (Units?.Second ?? NanoUsd.Zero).Value)
            + ((Int128)tokens.Characters * (Units?.Character ?? NanoUsd.Zero).Value);
        var cost = RoundUp(sum + (units * TokensPerPrice));
        return cost <= MaxCost ? cost : throw new OverflowException("No attempt costs as much.");
    }

    /// <summary>The price in one line, for the audit log: that of input where that is all that there is.</summary>
    public string Describe() => IsPlain && HasTokens ? $"{Input} in, {Output} out"
        : $"{Input} in, {Output} out, {_standard.Above.Count} steps, {_tiers.Count} service tiers{(Units is null ? "" : ", units")}";

    internal static NanoUsd RoundUp(Int128 millionths)
    {
        var (whole, rest) = Int128.DivRem(millionths, TokensPerPrice);
        return new NanoUsd(checked((long)(rest > 0 ? whole + 1 : whole)));
    }

    private static ServiceTier TierOf(in TokenCounts tokens, ServiceTier asked) => tokens.Tier == ServiceTier.Unsaid ? asked : tokens.Tier;

    private PriceTable TableOf(ServiceTier tier) => _tiers.TryGetValue(tier, out var table) ? table : _standard;
}
