using System.Text.Json;
using System.Text.Json.Serialization;
using Crew.Gateway.Metering;
using Crew.Http;
using Crew.Kernel;

namespace Crew.Gateway.Prices;

/// <summary>What a model costs and how far it goes, by the name that its provider knows it by.</summary>
internal sealed record PricedModel(string? Id)
{
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public ModelPrices? PricePerMillionUsd { get; init; }

    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public UnitTexts? PricePerUnitUsd { get; init; }

    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public int? ContextWindow { get; init; }

    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public int? MaxOutputTokens { get; init; }

    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public int? MaxImageTokens { get; init; }

    /// <summary>The price function; a value of null is unknown.</summary>
    public Outcome<PriceList?> Prices() => PriceTexts.Parse(PricePerMillionUsd, PricePerUnitUsd);
}

/// <summary>
/// A list of prices as of a day: the built-in ones, what is exported, and what is imported. <c>name</c> and <c>base_url</c> say whose it is.
/// </summary>
internal sealed record PriceFile(
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] string? Name,
    string? AsOf,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] string? Source,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] string? BaseUrl,
    IReadOnlyList<PricedModel>? Models)
{
    /// <summary>The list that comes with the program.</summary>
    public static PriceFile BuiltIn(string kind)
    {
        using var stream = typeof(PriceFile).Assembly.GetManifestResourceStream($"Crew.Gateway.Prices.{kind}.json")!;
        return JsonSerializer.Deserialize<PriceFile>(stream, ApiJson.Options)!;
    }
}
