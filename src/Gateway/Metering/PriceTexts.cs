using System.Text.Json;
using System.Text.Json.Serialization;
using Crew.Kernel;

namespace Crew.Gateway.Metering;

/// <summary>Prices of calls with more input than <paramref name="InputTokens"/>, as they are given and shown.</summary>
internal sealed record StepPrices(long? InputTokens, string? Input, string? Output, string? CacheRead, string? CacheWrite)
    : ClassPrices(Input, Output, CacheRead, CacheWrite);

/// <summary>Prices of a service tier, as they are given and shown.</summary>
internal sealed record TierPrices(string? Input, string? Output, string? CacheRead, string? CacheWrite) : ClassPrices(Input, Output, CacheRead, CacheWrite)
{
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public IReadOnlyList<StepPrices>? Above { get; init; }
}

/// <summary>Prices per million tokens, as texts of US dollars.</summary>
internal sealed record ModelPrices(string? Input, string? Output, string? CacheRead, string? CacheWrite) : ClassPrices(Input, Output, CacheRead, CacheWrite)
{
    /// <summary>Prices that hold for the whole call where its input is longer.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public IReadOnlyList<StepPrices>? Above { get; init; }

    /// <summary>Prices of other service tiers: flex, priority, scale, batch.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public IReadOnlyDictionary<string, TierPrices>? ServiceTiers { get; init; }

    /// <summary>Whether it says more than the four prices that every model has.</summary>
    [JsonIgnore]
    public bool HasMore => Above is not null || ServiceTiers is not null || (AudioInput ?? AudioOutput ?? ImageInput ?? ImageOutput) is not null;
}

/// <summary>Makes a price list of texts, and texts of a price list.</summary>
internal static class PriceTexts
{
    private const int MaximumSteps = 8;
    private const string At = "price_per_million_usd";
    private static readonly TokenPrices _nothing = new(NanoUsd.Zero, NanoUsd.Zero, NanoUsd.Zero, NanoUsd.Zero);

    /// <summary>A value of null stands for "unknown".</summary>
    public static Outcome<PriceList?> Parse(ModelPrices? tokens, UnitTexts? units)
    {
        var byUnit = UnitPrices.Parse(units);
        if (byUnit.Failed(out var wrong))
        {
            return wrong;
        }

        var tiers = new Dictionary<ServiceTier, PriceTable>();
        if (tokens is null)
        {
            return byUnit.Value is null ? (PriceList?)null : new PriceList(new PriceTable(_nothing, []), tiers, byUnit.Value, hasTokens: false);
        }

        var standard = Table(tokens, tokens.Above, At, null);
        if (standard.Failed(out wrong))
        {
            return wrong;
        }

        foreach (var (name, given) in tokens.ServiceTiers ?? new Dictionary<string, TierPrices>())
        {
            if (!ServiceTiers.Priced.TryGetValue(name, out var tier) || given is null)
            {
                return Faults.Invalid($"{At}.service_tiers", $"service_tiers takes {string.Join(", ", ServiceTiers.Priced.Keys)}, each with its prices.");
            }

            var table = Table(given, given.Above, $"{At}.service_tiers.{name}", standard.Value.Base);
            if (table.Failed(out wrong))
            {
                return wrong;
            }

            tiers[tier] = table.Value;
        }

        return new PriceList(standard.Value, tiers, byUnit.Value, hasTokens: true);
    }

    /// <summary>The prices as the API shows them: always nine decimals, cache prices always there.</summary>
    public static ModelPrices? Show(PriceList prices) => !prices.HasTokens ? null : Fill(
        new ModelPrices(Text(prices.Input), Text(prices.Output), Text(prices.CacheRead), Text(prices.CacheWrite))
        {
            Above = Steps(prices.Standard),
            ServiceTiers = prices.Tiers.Count == 0 ? null : prices.Tiers.ToDictionary(
                t => ServiceTiers.Name(t.Key),
                t => Fill(new TierPrices(Text(t.Value.Base.Input), Text(t.Value.Base.Output), Text(t.Value.Base.CacheRead), Text(t.Value.Base.CacheWrite))
                {
                    Above = Steps(t.Value),
                }, t.Value.Base)),
        }, prices.Base);

    /// <summary>Whether two price functions say the same; null is unknown.</summary>
    public static bool IsSame(PriceList? one, PriceList? other) => Words(one) == Words(other);

    private static string? Words(PriceList? prices) =>
        prices is null ? null : JsonSerializer.Serialize((object?)Show(prices)) + JsonSerializer.Serialize((object?)prices.Units?.Show());

    private static Outcome<PriceTable> Table(ClassPrices given, IReadOnlyList<StepPrices>? above, string at, TokenPrices? below)
    {
        var first = TokenPrices.Parse(given, at, below);
        if (first.Failed(out var wrong))
        {
            return wrong;
        }

        var steps = new List<PriceStep>();
        foreach (var step in above ?? [])
        {
            if (step?.InputTokens is not { } tokens || tokens < 1 || tokens > TokenCounts.MaxPerClass || tokens <= (steps.Count == 0 ? 0 : steps[^1].InputTokens)
                || steps.Count == MaximumSteps)
            {
                return Faults.Invalid($"{at}.above", $"above takes at most {MaximumSteps} steps, each with input_tokens that rise from step to step, and its prices.");
            }

            var prices = TokenPrices.Parse(step, $"{at}.above", first.Value);
            if (prices.Failed(out wrong))
            {
                return wrong;
            }

            steps.Add(new PriceStep(tokens, prices.Value));
        }

        return new PriceTable(first.Value, steps);
    }

    private static IReadOnlyList<StepPrices>? Steps(PriceTable table) => table.Above.Count == 0 ? null :
        [.. table.Above.Select(s => Fill(
            new StepPrices(s.InputTokens, Text(s.Prices.Input), Text(s.Prices.Output), Text(s.Prices.CacheRead), Text(s.Prices.CacheWrite)), s.Prices))];

    private static T Fill<T>(T texts, TokenPrices prices)
        where T : ClassPrices => texts with
        {
            AudioInput = prices.AudioInput?.ToString(),
            AudioOutput = prices.AudioOutput?.ToString(),
            ImageInput = prices.ImageInput?.ToString(),
            ImageOutput = prices.ImageOutput?.ToString(),
        };

    private static string Text(NanoUsd amount) => amount.ToString();
}
