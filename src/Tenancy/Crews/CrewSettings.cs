using System.Collections.Frozen;
using System.Text.Json;
using Crew.Http;
using Crew.Kernel;

namespace Crew.Tenancy.Crews;

/// <summary>What a crew may set for itself. It narrows what its workspace allows; what the workspace forbids stays forbidden.</summary>
internal sealed record CrewSettings
{
    private const int MaximumModels = 1_000;
    private const int MaximumModelCharacters = 256;

    /// <summary>Model ids that may be called; null is all that the workspace allows.</summary>
    public IReadOnlyList<string>? AllowedModels { get; init; }

    /// <summary>Regions of providers that may be called, as their data policy names them; null is all that the workspace allows.</summary>
    public IReadOnlyList<string>? AllowedRegions { get; init; }

    /// <summary>Tokens a minute of all model calls together; null is no limit of its own.</summary>
    public int? TokensPerMinute { get; init; }

    /// <summary>Streams of model calls at one moment; null is no limit of its own.</summary>
    public int? ConcurrentStreams { get; init; }

    /// <summary>Leaves IP addresses and user agents out of usage rows and access records.</summary>
    public bool ZeroLogging { get; init; }

    public string ToJson() => JsonSerializer.Serialize(this, ApiJson.Options);

    /// <summary>A crew that never set anything has no text.</summary>
    public static CrewSettings Parse(string? json) => json is null ? new CrewSettings() : JsonSerializer.Deserialize<CrewSettings>(json, ApiJson.Options)!;

    public Fault? Check() =>
        AllowedModels is { } models && (models.Count > MaximumModels || models.Any(m => m is not { Length: > 0 and <= MaximumModelCharacters }))
            ? Faults.Invalid("settings.allowed_models",
                $"allowed_models must be a list of at most {MaximumModels} model ids of 1 to {MaximumModelCharacters} characters, or null for all.")
            : PolicyCheck.Of("settings.", AllowedRegions, TokensPerMinute, ConcurrentStreams);

    public UsagePolicy ToPolicy() => new()
    {
        AllowedModels = AllowedModels?.ToFrozenSet(),
        AllowedRegions = PolicyCheck.Regions(AllowedRegions),
        TokensPerMinute = TokensPerMinute,
        ConcurrentStreams = ConcurrentStreams,
        ZeroLogging = ZeroLogging,
    };
}
