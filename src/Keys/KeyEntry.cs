using Crew.Http;
using Crew.Kernel;
using Crew.Tenancy.Contracts;

namespace Crew.Keys;

/// <summary>A key as the hot path holds it: its caller, ready made, and when it ends. Replaced as a whole when anything changes.</summary>
internal sealed class KeyEntry
{
    private KeyEntry(Caller caller, DateTimeOffset? endsAt, bool isRevoked, IReadOnlySet<string> ancestors) =>
        (Caller, EndsAt, IsRevoked, Ancestors) = (caller, endsAt, isRevoked, ancestors);

    public Caller Caller { get; }

    public DateTimeOffset? EndsAt { get; }

    public bool IsRevoked { get; }

    /// <summary>Lineages whose change changes this entry: its own and its parents'.</summary>
    public IReadOnlySet<string> Ancestors { get; }

    /// <summary>The entry's refusal at a moment, if any.</summary>
    public Fault? RefusalAt(DateTimeOffset now) => IsRevoked ? Expired.Revoked : EndsAt is { } end && end <= now ? Expired.Ended : null;

    /// <summary>
    /// Builds the entry from the key and its chain of parents, nearest first. Each parent is the live key of its lineage, or
    /// null when the lineage is dead: then the child is dead too.
    /// </summary>
    /// <param name="key">The key.</param>
    /// <param name="parents">Its parents.</param>
    /// <param name="revoked">Fires when the key is dead.</param>
    public static KeyEntry Of(ApiKey key, IReadOnlyList<ApiKey?> parents, CancellationToken revoked = default)
    {
        _ = PermissionSet.TryParse(key.Permissions, out var rights, out _);
        var models = Set(key.AllowedModels);
        var networks = new List<IReadOnlyList<System.Net.IPNetwork>> { NetworksOf(key) };
        var endsAt = key.EndsAt;
        var isRevoked = key.RevokedAt is not null;
        var rate = key.RateLimitPerMinute;
        var (regions, tokens, streams, zero) = (Regions(key.AllowedRegions), key.TokensPerMinute, key.ConcurrentStreams, key.ZeroLogging);
        foreach (var parent in parents)
        {
            if (parent is null)
            {
                isRevoked = true;
                continue;
            }

            _ = PermissionSet.TryParse(parent.Permissions, out var parentRights, out _);
            rights = rights.Intersect(parentRights);
            models = Narrow(models, Set(parent.AllowedModels));
            networks.Add(NetworksOf(parent));
            rate = Least(rate, parent.RateLimitPerMinute);
            regions = Narrow(regions, Regions(parent.AllowedRegions));
            (tokens, streams, zero) = (Least(tokens, parent.TokensPerMinute), Least(streams, parent.ConcurrentStreams), zero || parent.ZeroLogging);
            endsAt = endsAt < parent.EndsAt ? endsAt : parent.EndsAt ?? endsAt;
        }

        var parentLineages = parents.Where(p => p is not null).Select(p => p!.LineageId).ToArray();
        var caller = new Caller
        {
            Actor = new Actor("api_key", key.Id) { KeyLast4 = key.Last4 },
            OrganizationId = key.OrganizationId,
            WorkspaceId = key.WorkspaceId,
            Name = key.Name,
            Permissions = rights,
            OrganizationPermissions = key.Account ? OrganizationRights.OfAccountMaster : PermissionSet.None,
            LineageId = key.LineageId,
            ParentLineageIds = parentLineages,
            Kind = key.Kind,
            IsAccount = key.Account,
            IsTest = key.Mode == "test",
            Environment = CrewEnvironments.TryParse(key.Environment, out var environment) ? environment : null,
            CrewId = key.CrewId,
            UserId = key.UserId,
            AllowedModels = models,
            AllowedNetworks = networks,
            RateLimitPerMinute = rate,
            AllowedRegions = regions,
            TokensPerMinute = tokens,
            ConcurrentStreams = streams,
            ZeroLogging = zero,
            ExpiresAt = endsAt,
            Revoked = revoked,
        };
        return new KeyEntry(caller, endsAt, isRevoked, new HashSet<string>([key.LineageId, .. parentLineages, key.ParentLineageId ?? key.LineageId]));
    }

    /// <summary>The refusal of a key whose person has left.</summary>
    public static Fault Gone => Expired.Revoked;

    private static int? Least(int? own, int? other) => own < other ? own : other ?? own;

    private static HashSet<string>? Regions(IReadOnlyList<string>? regions) =>
        regions is null ? null : new HashSet<string>(regions, StringComparer.OrdinalIgnoreCase);

    private static HashSet<string>? Set(IReadOnlyList<string>? models) => models is null ? null : [.. models];

    private static HashSet<string>? Narrow(HashSet<string>? own, HashSet<string>? other)
    {
        if (own is null || other is null)
        {
            return own ?? other;
        }

        own.IntersectWith(other);
        return own;
    }

    private static System.Net.IPNetwork[] NetworksOf(ApiKey key) =>
        [.. key.AllowedIps.Select(ip => Networks.TryParse(ip, out var network) ? network : new System.Net.IPNetwork(System.Net.IPAddress.None, 32))];

    /// <summary>Made once: refusing a dead key must not cost an allocation per attempt.</summary>
    private static class Expired
    {
        public static readonly Fault Revoked = KeyFaults.Expired("revoked");
        public static readonly Fault Ended = KeyFaults.Expired("expired");
    }
}
