using System.Text.Json.Serialization;
using Crew.Gateway.Metering;

namespace Crew.Gateway.Models;

/// <summary>A model of the catalogue as the API shows it; null prices are unknown.</summary>
internal sealed record ModelAnswer(
    string Id, string Owner, IReadOnlyList<ModelTarget> Targets, ModelPrices? PricePerMillionUsd, int? ContextWindow, int? MaxOutputTokens,
    DateTimeOffset CreatedAt, DateTimeOffset UpdatedAt)
{
    /// <summary>Prices of images, seconds and characters, where the model is billed by them.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public UnitTexts? PricePerUnitUsd { get; init; }

    /// <summary>The most tokens that one image of a prompt is.</summary>
    public int? MaxImageTokens { get; init; }

    /// <summary>The model as one caller sees it: an organization's model may be served by providers that it does not share with all.</summary>
    public static ModelAnswer Of(Model model, IReadOnlySet<string> visibleProviders)
    {
        var prices = model.Prices();
        return new ModelAnswer(
            model.Id, model.WorkspaceId is null ? "organization" : "workspace", [.. model.ReadTargets().Where(t => visibleProviders.Contains(t.ProviderId))],
            prices is null ? null : PriceTexts.Show(prices), model.ContextWindow, model.MaxOutputTokens, model.CreatedAt, model.UpdatedAt)
        {
            PricePerUnitUsd = prices?.Units?.Show(),
            MaxImageTokens = model.MaxImageTokens,
        };
    }
}

/// <summary>A model as one caller sees it, and its version for the ETag.</summary>
internal sealed record VersionedModel(ModelAnswer Answer, long Version);
