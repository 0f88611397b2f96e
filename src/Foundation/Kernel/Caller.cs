namespace Crew.Kernel;

/// <summary>The kind of an API key.</summary>
public enum KeyKind
{
    Master,
    User,
    Service,
}

/// <summary>
/// Who is calling and what they may do: the one principal that all of the product reads, whatever the credential was.
/// Immutable and shared between requests of the same credential; a change of the credential makes a new one.
/// </summary>
public sealed class Caller
{
    /// <summary>Type and id of the principal, such as <c>api_key</c> and its id.</summary>
    public required Actor Actor { get; init; }

    public required string OrganizationId { get; init; }

    public required string WorkspaceId { get; init; }

    public required PermissionSet Permissions { get; init; }

    /// <summary>Rights at organization level; empty save for account masters and organization roles.</summary>
    public PermissionSet OrganizationPermissions { get; init; }

    /// <summary>For keys: the lineage that counters and budgets belong to (survives a roll).</summary>
    public string LineageId { get; init; } = "";

    /// <summary>For keys: lineages of the parents, nearest first. A child never exceeds any of them.</summary>
    public IReadOnlyList<string> ParentLineageIds { get; init; } = [];

    public string Name { get; init; } = "";

    public KeyKind Kind { get; init; } = KeyKind.Service;

    /// <summary>An account master: carries the organization's permissions and chooses its workspace by header.</summary>
    public bool IsAccount { get; init; }

    /// <summary>Test mode: never reaches a live provider or a production crew.</summary>
    public bool IsTest { get; init; }

    /// <summary>Bound to the crews of one environment.</summary>
    public CrewEnvironment? Environment { get; init; }

    /// <summary>Bound to one crew.</summary>
    public string? CrewId { get; init; }

    /// <summary>The person behind the credential, if any.</summary>
    public string? UserId { get; init; }

    /// <summary>For people: the session they came with.</summary>
    public string? SessionId { get; init; }

    /// <summary>For people: their role in the workspace; null when only a role of the organization brings them here.</summary>
    public string? Role { get; init; }

    /// <summary>For people: when they last proved who they are, for what asks for a recent proof.</summary>
    public DateTimeOffset? ProvedAt { get; init; }

    /// <summary>For people: the environments that their membership is narrowed to; null is all.</summary>
    public IReadOnlySet<CrewEnvironment>? Environments { get; init; }

    /// <summary>Those of <see cref="Permissions"/> that do not hold for production crews.</summary>
    public PermissionSet WithheldInProduction { get; init; }

    /// <summary>Model ids that may be called; null is all that the workspace allows.</summary>
    public IReadOnlySet<string>? AllowedModels { get; init; }

    /// <summary>Regions of providers that may be called; null is all that the workspace allows.</summary>
    public IReadOnlySet<string>? AllowedRegions { get; init; }

    /// <summary>Tokens a minute for this credential; null is no limit of its own.</summary>
    public int? TokensPerMinute { get; init; }

    /// <summary>Streams at one moment for this credential; null is no limit of its own.</summary>
    public int? ConcurrentStreams { get; init; }

    /// <summary>Whether IP addresses and user agents are left out of what is kept of its calls.</summary>
    public bool ZeroLogging { get; init; }

    /// <summary>Allowed networks; empty is any. A request must match each list of the chain.</summary>
    public IReadOnlyList<IReadOnlyList<System.Net.IPNetwork>> AllowedNetworks { get; init; } = [];

    /// <summary>Requests a minute for this credential; null is the workspace's rate alone.</summary>
    public int? RateLimitPerMinute { get; init; }

    public DateTimeOffset? ExpiresAt { get; init; }

    /// <summary>Tripped when the credential is revoked or loses rights: open streams end within a second.</summary>
    public CancellationToken Revoked { get; init; }

    /// <summary>Counts as Owner or Admin of the workspace: a person in that role, or a master key.</summary>
    public bool ManagesWorkspace => Kind == KeyKind.Master || Role is "owner" or "admin";

    /// <summary>A person who signed in and is Owner of the workspace: who may make master keys, and lock everybody else out.</summary>
    public bool IsOwnerInPerson => SessionId is not null && Role == "owner";

    /// <summary>Sees workspace-level resources (keys, providers, members …), not only what it made itself.</summary>
    public bool SeesWorkspaceLevel => !IsTest && Environment is null && CrewId is null && Environments is null;

    public Tenant Tenant => field ??= new Tenant(OrganizationId, WorkspaceId);

    /// <summary>Whether a crew of this environment is visible to this credential at all.</summary>
    public bool Sees(string crewId, CrewEnvironment environment) =>
        (!IsTest || environment != CrewEnvironment.Production)
        && (Environment is null || Environment == environment)
        && (Environments is null || Environments.Contains(environment))
        && (CrewId is null || CrewId == crewId);
}
