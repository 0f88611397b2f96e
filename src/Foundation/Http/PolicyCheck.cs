using Crew.Kernel;

namespace Crew.Http;

/// <summary>Checks the form of what narrows model calls, the same for workspaces, crews and keys. Pure.</summary>
public static class PolicyCheck
{
    private const int MostRegions = 100;
    private const int MostRegionCharacters = 100;
    private const int MostTokens = 2_000_000_000;
    private const int MostStreams = 1_000_000;

    /// <param name="path">What stands before the fields' names in a refusal, such as <c>settings.</c></param>
    /// <param name="regions">Null is all.</param>
    /// <param name="tokensPerMinute">Null is no limit.</param>
    /// <param name="concurrentStreams">Null is no limit.</param>
    public static Fault? Of(string path, IReadOnlyList<string>? regions, int? tokensPerMinute, int? concurrentStreams) =>
        regions is not null && (regions.Count > MostRegions || regions.Any(r => string.IsNullOrWhiteSpace(r) || r.Length > MostRegionCharacters))
            ? Faults.Invalid($"{path}allowed_regions",
                $"allowed_regions must be a list of at most {MostRegions} regions as data_policy.region of providers names them, or null for all.")
        : tokensPerMinute is < 1 or > MostTokens
            ? Faults.Invalid($"{path}tokens_per_minute", $"tokens_per_minute must be from 1 to {MostTokens}, or null for no limit.")
        : concurrentStreams is < 1 or > MostStreams
            ? Faults.Invalid($"{path}concurrent_streams", $"concurrent_streams must be from 1 to {MostStreams}, or null for no limit.")
        : null;

    /// <summary>The list as a set; regions are compared without regard to case.</summary>
    public static IReadOnlySet<string>? Regions(IReadOnlyList<string>? regions) =>
        regions is null ? null : regions.ToHashSet(StringComparer.OrdinalIgnoreCase);
}
