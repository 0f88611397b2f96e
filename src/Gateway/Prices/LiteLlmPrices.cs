using System.Globalization;
using System.Text.Json;
using System.Text.RegularExpressions;
using Crew.Gateway.Metering;
using Crew.Kernel;

namespace Crew.Gateway.Prices;

/// <summary>
/// Reads prices in the form of LiteLLM's <c>model_prices_and_context_window.json</c>: an object of models, each with US dollars per token, image,
/// second or character. Prices of faster service tiers are left out: they would bound every call that names no tier.
/// </summary>
internal static partial class LiteLlmPrices
{
    private const int MaximumModels = 20_000;
    private const string Input = "input_cost_per_token";
    private const string Output = "output_cost_per_token";

    /// <summary>Ways of billing that nothing here bounds or meters; a model that has one is left alone.</summary>
    private static readonly string[] _foreign =
    [
        "input_cost_per_pixel", "output_cost_per_pixel", "input_cost_per_query", "input_cost_per_video_per_second", "output_cost_per_second",
        "output_cost_per_character", "input_cost_per_request", "tiered_pricing",
    ];

    private static readonly HashSet<string> _carried = new(StringComparer.Ordinal)
    {
        Input, Output, "output_cost_per_reasoning_token", "cache_read_input_token_cost", "cache_creation_input_token_cost", "input_cost_per_audio_token",
        "output_cost_per_audio_token", "input_cost_per_image_token", "output_cost_per_image_token", "input_cost_per_token_flex", "output_cost_per_token_flex",
        "cache_read_input_token_cost_flex", "input_cost_per_second", "input_cost_per_character", "output_cost_per_image", "input_cost_per_image",
    };

    public static Outcome<PriceBook> Read(JsonElement root)
    {
        var book = new PriceBook();
        var count = 0;
        foreach (var entry in root.ValueKind == JsonValueKind.Object ? root.EnumerateObject() : default)
        {
            if (entry.Value.ValueKind == JsonValueKind.Object && entry.Name != "sample_spec" && count++ < MaximumModels)
            {
                Add(book, entry.Name, entry.Value);
            }
        }

        return count == 0 ? Faults.Invalid("litellm", "There is no model in it: LiteLLM's list is an object with a member for each model.") : book;
    }

    private static void Add(PriceBook book, string name, JsonElement facts)
    {
        var costs = facts.EnumerateObject().Select(f => f.Name).Distinct(StringComparer.Ordinal)
            .Select(f => (Name: f, Cost: Number(facts, f))).Where(f => f.Cost is not null).ToDictionary(f => f.Name, f => f.Cost!.Value, StringComparer.Ordinal);
        if (_foreign.FirstOrDefault(f => costs.GetValueOrDefault(f) > 0 || (facts.TryGetProperty(f, out var any) && any.ValueKind == JsonValueKind.Array)) is { } foreign)
        {
            book.Leave(Plain(name, facts), $"the list bills it by {foreign}, which has no counterpart here");
            return;
        }

        var isImage = facts.TryGetProperty("mode", out var mode) && mode.ValueKind == JsonValueKind.String && mode.ValueEquals("image_generation");
        var line = new PricedModel(Plain(name, facts))
        {
            PricePerMillionUsd = Tokens(costs),
            PricePerUnitUsd = Units(costs, isImage),
            ContextWindow = Whole(facts, "max_input_tokens"),
            MaxOutputTokens = Whole(facts, "max_output_tokens") ?? Whole(facts, "max_tokens"),
        };
        if (line.PricePerMillionUsd is not null || line.PricePerUnitUsd is not null)
        {
            book.Add([line]);
        }
    }

    /// <summary>Whether a cost of this name has a counterpart here.</summary>
    public static bool Carries(string name) => _carried.Contains(name) || Above().IsMatch(name) || AnyAbove().IsMatch(name);

    /// <summary>The price function of costs by their names, in US dollars per token, second, character or image; a value of null is unknown.</summary>
    public static Outcome<PriceList?> Of(IReadOnlyDictionary<string, decimal> costs, bool isImage) => PriceTexts.Parse(Tokens(costs), Units(costs, isImage));

    /// <summary>The vendor in front of a name is not part of the name that the vendor's own servers take.</summary>
    private static string Plain(string name, JsonElement facts) =>
        facts.TryGetProperty("litellm_provider", out var vendor) && vendor.ValueKind == JsonValueKind.String && vendor.GetString() is { } prefix
        && name.StartsWith(prefix + "/", StringComparison.Ordinal) ? name[(prefix.Length + 1)..] : name;

    private static ModelPrices? Tokens(IReadOnlyDictionary<string, decimal> facts)
    {
        if (Million(facts, Input) is not { } input)
        {
            return null;
        }

        return new ModelPrices(input, OutputOf(facts, "") ?? "0", Million(facts, "cache_read_input_token_cost"), Million(facts, "cache_creation_input_token_cost"))
        {
            AudioInput = Million(facts, "input_cost_per_audio_token"),
            AudioOutput = Million(facts, "output_cost_per_audio_token"),
            ImageInput = Million(facts, "input_cost_per_image_token"),
            ImageOutput = Million(facts, "output_cost_per_image_token"),
            Above = Steps(facts),
            ServiceTiers = Million(facts, Input + "_flex") is { } flex && Million(facts, Output + "_flex") is { } flexOutput
                ? new Dictionary<string, TierPrices> { ["flex"] = new(flex, flexOutput, Million(facts, "cache_read_input_token_cost_flex"), null) }
                : null,
        };
    }

    /// <summary>Reasoning is billed as output here, so the dearer of both is the price.</summary>
    private static string? OutputOf(IReadOnlyDictionary<string, decimal> facts, string suffix)
    {
        var (output, reasoning) = (Cost(facts, Output + suffix), Cost(facts, "output_cost_per_reasoning_token" + suffix));
        return Text(output is null ? reasoning : reasoning > output ? reasoning : output);
    }

    private static IReadOnlyList<StepPrices>? Steps(IReadOnlyDictionary<string, decimal> facts)
    {
        var steps = facts.Keys.Select(f => Above().Match(f)).Where(m => m.Success)
            .Select(m => (Suffix: m.Value[Input.Length..], Tokens: long.Parse(m.Groups["thousands"].Value, CultureInfo.InvariantCulture) * 1_000))
            .OrderBy(s => s.Tokens).ToList();
        return steps.Count == 0 ? null :
        [
            .. steps.Select(s => new StepPrices(
                s.Tokens, Million(facts, Input + s.Suffix), OutputOf(facts, s.Suffix) ?? OutputOf(facts, "") ?? "0",
                Million(facts, "cache_read_input_token_cost" + s.Suffix), Million(facts, "cache_creation_input_token_cost" + s.Suffix))),
        ];
    }

    private static UnitTexts? Units(IReadOnlyDictionary<string, decimal> facts, bool isImage)
    {
        var (image, second, character) = (isImage ? Cost(facts, "output_cost_per_image") ?? Cost(facts, "input_cost_per_image") : null,
            Cost(facts, "input_cost_per_second"), Cost(facts, "input_cost_per_character"));
        return (image ?? second ?? character) is null ? null : new UnitTexts(Unit(image), null, Unit(second), Unit(character));
    }

    private static string? Million(IReadOnlyDictionary<string, decimal> facts, string name) => Text(Cost(facts, name));

    private static decimal? Cost(IReadOnlyDictionary<string, decimal> facts, string name) => facts.TryGetValue(name, out var cost) ? cost : null;

    private static string? Text(decimal? perToken) => perToken is { } price and < 1_000 ? Unit(price * 1_000_000) : null;

    private static string? Unit(decimal? price) => price is { } usd and >= 0 and < 1_000_000_000
        ? decimal.Round(usd, 9, MidpointRounding.ToPositiveInfinity).ToString("0.#########", CultureInfo.InvariantCulture) : null;

    private static decimal? Number(JsonElement facts, string name) =>
        facts.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.Number && value.TryGetDecimal(out var number) && number >= 0 ? number : null;

    private static int? Whole(JsonElement facts, string name) =>
        facts.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.Number && value.TryGetInt32(out var number) && number > 0 ? number : null;

    [GeneratedRegex("^input_cost_per_token_above_(?<thousands>[0-9]{1,6})k_tokens$", RegexOptions.CultureInvariant, 1_000)]
    private static partial Regex Above();

    [GeneratedRegex("^(output_cost_per_token|output_cost_per_reasoning_token|cache_read_input_token_cost|cache_creation_input_token_cost)_above_[0-9]{1,6}k_tokens$",
        RegexOptions.CultureInvariant, 1_000)]
    private static partial Regex AnyAbove();
}
