using System.Text.Json;
using Crew.Http;
using Crew.Kernel;

namespace Crew.Tenancy.Workspaces;

/// <summary>What a workspace may set for itself. Every field has a default that is the safe choice.</summary>
internal sealed record WorkspaceSettings
{
    private const int MaximumNetworks = 500;
    private const int MaximumOrigins = 100;
    private const int MaximumModels = 1_000;
    private const int MaximumModelCharacters = 256;

    /// <summary>Addresses and CIDR networks that may call; empty is any.</summary>
    public IReadOnlyList<string> AllowedIps { get; init; } = [];

    /// <summary>Origins of web pages that may call by user tokens, such as <c>https://app.example.com</c>.</summary>
    public IReadOnlyList<string> AllowedOrigins { get; init; } = [];

    /// <summary>Model ids that may be called; null is all.</summary>
    public IReadOnlyList<string>? AllowedModels { get; init; }

    /// <summary>Regions of providers that may be called, as their data policy names them; null is all.</summary>
    public IReadOnlyList<string>? AllowedRegions { get; init; }

    /// <summary>Tokens a minute of all model calls together; null is no limit.</summary>
    public int? TokensPerMinute { get; init; }

    /// <summary>Streams of model calls at one moment; null is no limit.</summary>
    public int? ConcurrentStreams { get; init; }

    public bool MembersMayEditProduction { get; init; }

    public bool ViewersMayReadTranscripts { get; init; }

    /// <summary>Whether keys bound to development and staging may reach live providers.</summary>
    public bool NonProductionLiveProviders { get; init; }

    public bool RevokeKeysSeenInUrls { get; init; }

    /// <summary>Leaves IP addresses and user agents out of usage rows and access records.</summary>
    public bool ZeroLogging { get; init; }

    public Retention Retention { get; init; } = new();

    public string ToJson() => JsonSerializer.Serialize(this, ApiJson.Options);

    public static WorkspaceSettings Parse(string json) => JsonSerializer.Deserialize<WorkspaceSettings>(json, ApiJson.Options)!;

    /// <summary>What is wrong with the settings, if anything. <paramref name="author"/> is the address that must not lock itself out.</summary>
    public Fault? Check(System.Net.IPAddress? author, bool force)
    {
        if (AllowedIps.Count > MaximumNetworks)
        {
            return Faults.Invalid("settings.allowed_ips", $"At most {MaximumNetworks} networks.");
        }

        if (PolicyCheck.Of("settings.", AllowedRegions, TokensPerMinute, ConcurrentStreams) is { } unusable)
        {
            return unusable;
        }

        if (AllowedModels is { } models && (models.Count > MaximumModels || models.Any(m => m is not { Length: > 0 and <= MaximumModelCharacters })))
        {
            return Faults.Invalid("settings.allowed_models",
                $"allowed_models must be a list of at most {MaximumModels} model ids of 1 to {MaximumModelCharacters} characters, or null for all.");
        }

        if (AllowedOrigins.Count > MaximumOrigins || AllowedOrigins.Any(o => o is null || !WebOrigins.IsOrigin(o)))
        {
            return Faults.Invalid("settings.allowed_origins",
                $"allowed_origins must be a list of at most {MaximumOrigins} origins as browsers send them: scheme, host and port, such as https://app.example.com.");
        }

        var networks = new List<System.Net.IPNetwork>();
        foreach (var entry in AllowedIps)
        {
            if (entry is null || !Networks.TryParse(entry, out var network))
            {
                return Faults.Invalid("settings.allowed_ips", $"'{new string([.. (entry ?? "null").Take(60)])}' is no address or CIDR network. Write for example 203.0.113.7 or 2001:db8::/32.");
            }

            networks.Add(network);
        }

        if (networks.Count > 0 && author is not null && !force && !Networks.Contains(networks, author))
        {
            return new Fault("ip_list_excludes_caller", 400,
                $"This list would lock out the address that this request comes from ({author}). Add it, or repeat with ?force=true.").At("settings.allowed_ips");
        }

        return Retention.Check();
    }
}

/// <summary>How long things are kept, in days.</summary>
internal sealed record Retention
{
    public int TranscriptsDays { get; init; } = 90;

    public int RecordingsDays { get; init; } = 30;

    public int CallMetadataDays { get; init; } = 365;

    public int MemoryDays { get; init; } = 365;

    public int AuditDays { get; init; } = 365;

    public int RequestDays { get; init; } = 30;

    public int EventDays { get; init; } = 30;

    public Fault? Check()
    {
        const int most = 3_650;
        foreach (var (name, value, least) in new[]
        {
            ("transcripts_days", TranscriptsDays, 1), ("recordings_days", RecordingsDays, 1), ("call_metadata_days", CallMetadataDays, 1),
            ("memory_days", MemoryDays, 1), ("audit_days", AuditDays, 90), ("request_days", RequestDays, 1), ("event_days", EventDays, 1),
        })
        {
            if (value < least || value > most)
            {
                return Faults.Invalid($"settings.retention.{name}", $"{name} must be from {least} to {most} days.");
            }
        }

        return null;
    }
}
