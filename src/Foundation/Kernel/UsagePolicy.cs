namespace Crew.Kernel;

/// <summary>
/// What a crew allows of model calls, and what is kept of them. A call must satisfy each level that stands above it (workspace, crew, key
/// and the key's parents): a lower level narrows and never loosens.
/// </summary>
public sealed record UsagePolicy
{
    /// <summary>Nothing is narrowed.</summary>
    public static UsagePolicy Open { get; } = new();

    /// <summary>Model ids that may be called; null is all.</summary>
    public IReadOnlySet<string>? AllowedModels { get; init; }

    /// <summary>Regions of providers that may be called, as their data policy names them; null is all.</summary>
    public IReadOnlySet<string>? AllowedRegions { get; init; }

    /// <summary>Tokens a minute, input and output together; null is no limit.</summary>
    public int? TokensPerMinute { get; init; }

    /// <summary>Streams at one moment; null is no limit.</summary>
    public int? ConcurrentStreams { get; init; }

    /// <summary>Whether IP addresses and user agents are left out of usage rows and access records.</summary>
    public bool ZeroLogging { get; init; }
}
