using Crew.Gateway.Metering;
using Crew.Gateway.Providers;
using Crew.Gateway.Routing;

namespace Crew.Gateway.Catalogue;

/// <summary>One place to call a model at.</summary>
internal sealed class Target(ProviderLink provider, string upstreamModel, int weight, int priority, TargetHealth health, bool capIsBroken = false)
{
    public ProviderLink Provider { get; } = provider;

    public string UpstreamModel { get; } = upstreamModel;

    public int Weight { get; } = weight;

    public int Priority { get; } = priority;

    /// <summary>How it does, as this process has seen it.</summary>
    public TargetHealth Health { get; } = health;

    /// <summary>Whether the provider has billed more output of this model than it was allowed: by its record, or as heard since it was read.</summary>
    public bool IsCapBroken => capIsBroken || Health.Cap.IsBroken;
}

/// <summary>A model as the hot path sees it. Immutable, shared by all requests of a workspace.</summary>
internal sealed class CatalogueModel
{
    public required string Id { get; init; }

    /// <summary>Ordered by priority; never empty.</summary>
    public required IReadOnlyList<Target> Targets { get; init; }

    /// <summary>Null is unknown.</summary>
    public PriceList? Prices { get; init; }

    public int? MaxOutputTokens { get; init; }

    public int? ContextWindow { get; init; }

    /// <summary>The most tokens that one image of a prompt is, by the word of the model's owner; null is unknown.</summary>
    public int? MaxImageTokens { get; init; }

    public required DateTimeOffset CreatedAt { get; init; }

    public required string OwnedBy { get; init; }

    /// <summary>The same model at fewer places.</summary>
    public CatalogueModel With(IReadOnlyList<Target> targets) => new()
    {
        Id = Id,
        Targets = targets,
        Prices = Prices,
        MaxOutputTokens = MaxOutputTokens,
        ContextWindow = ContextWindow,
        MaxImageTokens = MaxImageTokens,
        CreatedAt = CreatedAt,
        OwnedBy = OwnedBy,
    };
}
