using Crew.Kernel;

namespace Crew.Gateway.Models;

/// <summary>Prices per million tokens, as texts of US dollars.</summary>
internal sealed record ModelPrices(string? Input, string? Output, string? CacheRead, string? CacheWrite);

/// <summary>A model of the catalogue as the API shows it; null prices are unknown.</summary>
internal sealed record ModelAnswer(
    string Id, string Owner, IReadOnlyList<ModelTarget> Targets, ModelPrices? PricePerMillionUsd, int? ContextWindow, int? MaxOutputTokens,
    DateTimeOffset CreatedAt, DateTimeOffset UpdatedAt)
{
    /// <summary>The model as one caller sees it: an organization's model may be served by providers that it does not share with all.</summary>
    public static ModelAnswer Of(Model model, IReadOnlySet<string> visibleProviders) => new(
        model.Id, model.WorkspaceId is null ? "organization" : "workspace", [.. model.ReadTargets().Where(t => visibleProviders.Contains(t.ProviderId))],
        model.InputNano is null ? null : new ModelPrices(
            Text(model.InputNano), Text(model.OutputNano), Text(model.CacheReadNano), Text(model.CacheWriteNano)),
        model.ContextWindow, model.MaxOutputTokens, model.CreatedAt, model.UpdatedAt);

    private static string? Text(NanoUsd? amount) => amount?.ToString();
}

/// <summary>A model as one caller sees it, and its version for the ETag.</summary>
internal sealed record VersionedModel(ModelAnswer Answer, long Version);
