using System.Text.Json.Serialization;
using Crew.Kernel;
using Crew.Sealing;

namespace Crew.Keys;

/// <summary>A key as the API shows it; <c>key</c> only in the answer that made it.</summary>
internal sealed record KeyAnswer
{
    public required string Id { get; init; }

    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? Key { get; init; }

    public required string Name { get; init; }

    public required string Kind { get; init; }

    public required string Prefix { get; init; }

    public required string Last4 { get; init; }

    public required string Status { get; init; }

    public required bool Account { get; init; }

    public string? Mode { get; init; }

    public string? Environment { get; init; }

    public string? CrewId { get; init; }

    public required string LineageId { get; init; }

    public string? ParentLineageId { get; init; }

    /// <summary>For user keys: the person whom the key follows. It never does more than they may at that moment.</summary>
    public string? UserId { get; init; }

    public required IReadOnlyList<string> Permissions { get; init; }

    public required IReadOnlyList<string> AllowedIps { get; init; }

    public IReadOnlyList<string>? AllowedModels { get; init; }

    public int? RateLimitPerMinute { get; init; }

    public IReadOnlyList<string>? AllowedRegions { get; init; }

    public int? TokensPerMinute { get; init; }

    public int? ConcurrentStreams { get; init; }

    /// <summary>Whether this key itself keeps no IP address and user agent of its callers; workspace and crew may ask for it, too.</summary>
    public required bool ZeroLogging { get; init; }

    public DateTimeOffset? ExpiresAt { get; init; }

    public DateTimeOffset? RevokedAt { get; init; }

    public string? RolledToId { get; init; }

    public DateTimeOffset? OverlapEndsAt { get; init; }

    public DateTimeOffset? LastUsedAt { get; init; }

    public string? LastUsedIp { get; init; }

    /// <summary>Whether the key is older than 90 days and should be rolled.</summary>
    public required bool RotationDue { get; init; }

    public required DateTimeOffset RotationDueAt { get; init; }

    public required DateTimeOffset CreatedAt { get; init; }

    public required string CreatedBy { get; init; }

    /// <summary>For a rolled key: who still calls with it.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public IReadOnlyList<KeyUsageAnswer>? StillUsedBy { get; init; }

    /// <summary>For a revoked key: what it was used for in its last 30 days.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public KeyReport? Report { get; init; }

    public static KeyAnswer Of(ApiKey key, DateTimeOffset now, KeyRing ring, SecretText? text = null) => new()
    {
        Id = key.Id,
        Key = text?.Reveal(),
        Name = key.Name,
        Kind = key.Kind.ToString().ToLowerInvariant(),
        Prefix = key.Prefix,
        Last4 = key.Last4,
        Status = key.StatusAt(now),
        Account = key.Account,
        Mode = key.Mode,
        Environment = key.Environment,
        CrewId = key.CrewId,
        LineageId = key.LineageId,
        ParentLineageId = key.ParentLineageId,
        UserId = key.UserId,
        Permissions = key.Permissions,
        AllowedIps = key.AllowedIps,
        AllowedModels = key.AllowedModels,
        RateLimitPerMinute = key.RateLimitPerMinute,
        AllowedRegions = key.AllowedRegions,
        TokensPerMinute = key.TokensPerMinute,
        ConcurrentStreams = key.ConcurrentStreams,
        ZeroLogging = key.ZeroLogging,
        ExpiresAt = key.ExpiresAt,
        RevokedAt = key.RevokedAt,
        RolledToId = key.RolledToId,
        OverlapEndsAt = key.OverlapEndsAt,
        LastUsedAt = key.LastUsedAt,
        LastUsedIp = key.LastUsedIpSealed is { } ip
            && ring.TryOpenText(KeyScope.Workspace, key.WorkspaceId, KeyCells.LastUsedIp(key.WorkspaceId, key.Id), ip, out var address) ? address : null,
        RotationDue = now >= key.CreatedAt.AddDays(ApiKey.RotationDays) && !key.IsDeadAt(now),
        RotationDueAt = key.CreatedAt.AddDays(ApiKey.RotationDays),
        CreatedAt = key.CreatedAt,
        CreatedBy = key.CreatedBy,
    };
}

/// <summary>Uses of a key on a day from an address at an endpoint with a status.</summary>
internal sealed record KeyUsageAnswer(string Day, string Endpoint, int Status, string? Ip, long Requests, DateTimeOffset LastAt)
{
    public static KeyUsageAnswer Of(KeyUsage usage, KeyRing ring) => new(
        DateTimeOffset.UnixEpoch.AddDays(usage.Day).ToString("yyyy-MM-dd", System.Globalization.CultureInfo.InvariantCulture), usage.Endpoint, usage.Status,
        usage.IpSealed is { } ip && ring.TryOpenText(KeyScope.Workspace, usage.WorkspaceId, KeyCells.UsageIp(usage.WorkspaceId, usage.KeyId), ip, out var address) ? address : null,
        usage.Requests, usage.LastAt);
}

/// <summary>What a key was used for in its last 30 days.</summary>
internal sealed record KeyReport(long Requests, DateTimeOffset? FirstAt, DateTimeOffset? LastAt, IReadOnlyList<KeyUsageAnswer> Uses);

/// <summary>The places of sealed columns (associated data).</summary>
internal static class KeyCells
{
    public static Cell Hash(string workspaceId, string keyId) => new(workspaceId, "keys_api_keys", "hash_sealed", keyId);

    public static Cell LastUsedIp(string workspaceId, string keyId) => new(workspaceId, "keys_api_keys", "last_used_ip_sealed", keyId);

    public static Cell UsageIp(string workspaceId, string keyId) => new(workspaceId, "keys_usage", "ip_sealed", keyId);
}
