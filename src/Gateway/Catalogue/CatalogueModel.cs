using Crew.Gateway.Metering;
using Crew.Gateway.Providers;

namespace Crew.Gateway.Catalogue;

/// <summary>One place to call a model at.</summary>
internal sealed class Target(ProviderLink provider, string upstreamModel, int weight, int priority, CapRecord cap)
{
    public ProviderLink Provider { get; } = provider;

    public string UpstreamModel { get; } = upstreamModel;

    public int Weight { get; } = weight;

    public int Priority { get; } = priority;

    /// <summary>How the provider keeps to output caps with this model.</summary>
    public CapRecord Cap { get; } = cap;
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
        CreatedAt = CreatedAt,
        OwnedBy = OwnedBy,
    };

    /// <summary>
    /// The targets in the order in which this request tries them: by priority, and by weight among equals.
    /// <paramref name="dice"/> is from 0 up to 1.
    /// </summary>
    public IReadOnlyList<Target> Order(double dice)
    {
        if (Targets.Count == 1)
        {
            return Targets;
        }

        var ordered = new List<Target>(Targets.Count);
        for (var start = 0; start < Targets.Count;)
        {
            var end = start + 1;
            while (end < Targets.Count && Targets[end].Priority == Targets[start].Priority)
            {
                end++;
            }

            AddRotated(ordered, start, end, dice);
            start = end;
        }

        return ordered;
    }

    /// <summary>The one that the dice hit comes first, the others of its priority follow.</summary>
    private void AddRotated(List<Target> ordered, int start, int end, double dice)
    {
        var sum = 0.0;
        for (var index = start; index < end; index++)
        {
            sum += Targets[index].Weight;
        }

        var first = start;
        for (var left = (dice * sum) - Targets[first].Weight; left >= 0 && first + 1 < end; left -= Targets[first].Weight)
        {
            first++;
        }

        for (var index = first; index < end; index++)
        {
            ordered.Add(Targets[index]);
        }

        for (var index = start; index < first; index++)
        {
            ordered.Add(Targets[index]);
        }
    }
}
