using System.Collections.Frozen;
using System.Net;

namespace Crew.Kernel;

/// <summary>
/// What the way in needs to know of a workspace on every request, kept in memory and replaced as a whole when it changes.
/// </summary>
public sealed class WorkspaceView
{
    public required string Id { get; init; }

    public required string OrganizationId { get; init; }

    public required string Name { get; init; }

    public bool Suspended { get; init; }

    /// <summary>Crews by id with their environment.</summary>
    public required FrozenDictionary<string, CrewEnvironment> Crews { get; init; }

    /// <summary>Networks that may call; empty is any.</summary>
    public IReadOnlyList<IPNetwork> AllowedNetworks { get; init; } = [];

    /// <summary>Origins of web pages that may call by user tokens.</summary>
    public IReadOnlySet<string> AllowedOrigins { get; init; } = FrozenSet<string>.Empty;

    /// <summary>Requests a minute that the plan allows.</summary>
    public required int RequestsPerMinute { get; init; }

    /// <summary>Most API keys that the plan allows.</summary>
    public required int MaximumKeys { get; init; }

    /// <summary>Most webhook endpoints that the plan allows, and as many inbound hooks.</summary>
    public int MaximumWebhooks { get; init; }

    /// <summary>Model ids that may be called in this workspace; null is all.</summary>
    public IReadOnlySet<string>? AllowedModels { get; init; }

    /// <summary>Regions of providers that may be called; null is all.</summary>
    public IReadOnlySet<string>? AllowedRegions { get; init; }

    /// <summary>Tokens a minute of the whole workspace; null is no limit.</summary>
    public int? TokensPerMinute { get; init; }

    /// <summary>Streams at one moment of the whole workspace; null is no limit.</summary>
    public int? ConcurrentStreams { get; init; }

    /// <summary>What crews narrow further, by their id; those that narrow nothing are left out.</summary>
    public FrozenDictionary<string, UsagePolicy> CrewPolicies { get; init; } = FrozenDictionary<string, UsagePolicy>.Empty;

    /// <summary>Whether Members edit agents, pathways, integrations and channels of production crews, too.</summary>
    public bool MembersMayEditProduction { get; init; }

    /// <summary>Whether Viewers read transcripts.</summary>
    public bool ViewersMayReadTranscripts { get; init; }

    /// <summary>Most people that the plan allows.</summary>
    public int MaximumMembers { get; init; }

    /// <summary>Whether the plan asks everybody for a second factor.</summary>
    public bool RequiresMfa { get; init; }

    /// <summary>Whether keys bound to development and staging may reach live providers.</summary>
    public bool NonProductionMayUseLiveProviders { get; init; }

    /// <summary>Whether a key that was seen in a URL is revoked at once.</summary>
    public bool RevokeKeysSeenInUrls { get; init; }

    /// <summary>Whether IP addresses and user agents are left out of usage rows and access records.</summary>
    public bool ZeroLogging { get; init; }
}

/// <summary>The seam through which the way in asks the tenancy module about workspaces.</summary>
public interface IWorkspaceDirectory
{
    /// <summary>The workspace, or null when there is none with that id in that organization.</summary>
    ValueTask<WorkspaceView?> FindAsync(string organizationId, string workspaceId, CancellationToken cancel);

    /// <summary>Whether any workspace lists the origin of a web page.</summary>
    ValueTask<bool> IsListedOriginAsync(string origin, CancellationToken cancel);

    /// <summary>What every workspace says about how long it keeps things; suspended and deleted ones, too.</summary>
    Task<IReadOnlyList<RetentionTerms>> RetentionAsync(CancellationToken cancel);

    /// <summary>Grows whenever this process has followed a change of a workspace: before that change answers.</summary>
    long RetentionVersion { get; }
}

/// <summary>The seam through which alerts find whom to write to.</summary>
public interface IWorkspaceOwners
{
    /// <summary>E-mail addresses of the Owners of a workspace.</summary>
    Task<IReadOnlyList<string>> EmailsAsync(Tenant place, CancellationToken cancel);
}
