using Crew.Kernel;
using Crew.Storage;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Storage.ValueConversion;

namespace Crew.Keys;

/// <summary>
/// An API key as it is kept: never its text, only the fingerprint that verifies it, the sealed hash (for re-keying and restore),
/// prefix and last four characters.
/// </summary>
internal sealed class ApiKey : IWorkspaceOwned
{
    /// <summary>After this many days the key is due for rotation.</summary>
    public const int RotationDays = 90;

    public required string Id { get; init; }

    public required string WorkspaceId { get; init; }

    public required string OrganizationId { get; init; }

    /// <summary>Survives a roll: counters and budgets belong to it.</summary>
    public required string LineageId { get; init; }

    public required string Name { get; set; }

    public required string Prefix { get; init; }

    public required string Last4 { get; init; }

    /// <summary>First 16 bytes of HMAC-SHA-256(pepper, SHA-256(text)), as 32 hexadecimal characters.</summary>
    public required string Fingerprint { get; init; }

    /// <summary>SHA-256 of the text, sealed under the workspace key.</summary>
    public required byte[] HashSealed { get; init; }

    public required KeyKind Kind { get; init; }

    public bool Account { get; init; }

    /// <summary><c>live</c> or <c>test</c> for workspace-wide keys, else null.</summary>
    public string? Mode { get; init; }

    public string? Environment { get; init; }

    public string? CrewId { get; init; }

    /// <summary>Lineage of the parent key.</summary>
    public string? ParentLineageId { get; init; }

    /// <summary>For <c>user</c> keys: the person whom it follows, and never exceeds.</summary>
    public string? UserId { get; init; }

    /// <summary>Lineage or id of the principal that made it: what a bound credential may see again.</summary>
    public required string CreatedBy { get; init; }

    /// <summary>As they were given, wildcards included.</summary>
    public required IReadOnlyList<string> Permissions { get; set; }

    public required IReadOnlyList<string> AllowedIps { get; set; }

    /// <summary>Null is all models of the workspace.</summary>
    public IReadOnlyList<string>? AllowedModels { get; set; }

    public int? RateLimitPerMinute { get; set; }

    /// <summary>Regions of providers, as their data policy names them; null is all of the workspace.</summary>
    public IReadOnlyList<string>? AllowedRegions { get; set; }

    public int? TokensPerMinute { get; set; }

    public int? ConcurrentStreams { get; set; }

    public bool ZeroLogging { get; set; }

    public DateTimeOffset? ExpiresAt { get; set; }

    public DateTimeOffset? RevokedAt { get; set; }

    /// <summary>The key that took its place, and until when this one still works.</summary>
    public string? RolledToId { get; set; }

    public DateTimeOffset? OverlapEndsAt { get; set; }

    public DateTimeOffset? LastUsedAt { get; set; }

    public byte[]? LastUsedIpSealed { get; set; }

    public required DateTimeOffset CreatedAt { get; init; }

    public long Version { get; set; } = 1;

    /// <summary>When it stops working by itself; null is never.</summary>
    public DateTimeOffset? EndsAt => (ExpiresAt, OverlapEndsAt) switch
    {
        (null, var overlap) => overlap,
        (var expiry, null) => expiry,
        var (expiry, overlap) => expiry < overlap ? expiry : overlap,
    };

    public string StatusAt(DateTimeOffset now) => RevokedAt is not null ? "revoked" : EndsAt <= now ? "expired" : RolledToId is not null ? "rolled" : "active";

    public bool IsDeadAt(DateTimeOffset now) => RevokedAt is not null || EndsAt <= now;

    public static void Map(ModelBuilder model) => model.Entity<ApiKey>(key =>
    {
        key.ToTable("keys_api_keys");
        key.HasKey(k => k.Id);
        key.Ignore(k => k.EndsAt);
        key.Property(k => k.Kind).HasConversion(new ValueConverter<KeyKind, string>(k => k.ToString().ToLowerInvariant(), s => Enum.Parse<KeyKind>(s, true)));
        key.Property(k => k.Version).IsConcurrencyToken();
        key.HasIndex(k => k.Fingerprint).IsUnique().HasDatabaseName("keys_api_keys_fingerprint");
        key.HasIndex(k => new { k.WorkspaceId, k.Id }).HasDatabaseName("keys_api_keys_workspace");
        key.HasIndex(k => k.LineageId).HasDatabaseName("keys_api_keys_lineage");
        key.HasIndex(k => k.ParentLineageId).HasDatabaseName("keys_api_keys_parent");
        key.HasIndex(k => k.UserId).HasDatabaseName("keys_api_keys_person");
    });
}

/// <summary>How often a key was used on a day, by endpoint, status and address.</summary>
internal sealed class KeyUsage : IWorkspaceOwned
{
    public required string WorkspaceId { get; init; }

    public required string KeyId { get; init; }

    /// <summary>Days since 1970-01-01 UTC.</summary>
    public required int Day { get; init; }

    public required string Endpoint { get; init; }

    public required int Status { get; init; }

    public required string IpHash { get; init; }

    public byte[]? IpSealed { get; init; }

    public required long Requests { get; init; }

    public required DateTimeOffset LastAt { get; init; }

    public static void Map(ModelBuilder model) => model.Entity<KeyUsage>(usage =>
    {
        usage.ToTable("keys_usage");
        usage.HasKey(u => new { u.KeyId, u.Day, u.Endpoint, u.Status, u.IpHash });
        usage.HasIndex(u => u.Day).HasDatabaseName("keys_usage_day");
    });
}
