using Crew.Http;
using Crew.Kernel;

namespace Crew.Keys;

/// <summary>What a key is asked to be, after its form was checked.</summary>
internal sealed record KeyDraft(
    string Name, IReadOnlyList<string> Permissions, PermissionSet Rights, string? Mode, CrewEnvironment? Environment, string? CrewId,
    IReadOnlyList<string> AllowedIps, IReadOnlyList<string>? AllowedModels, int? RateLimitPerMinute, DateTimeOffset? ExpiresAt)
{
    public IReadOnlyList<string>? AllowedRegions { get; init; }

    public int? TokensPerMinute { get; init; }

    public int? ConcurrentStreams { get; init; }

    public bool ZeroLogging { get; init; }
}

/// <summary>Checks of form, and the rule that nobody gives more than they have. Pure.</summary>
internal static class KeyRequestCheck
{
    private const int MostEntries = 200;

    /// <summary>As long as the id of a model may be.</summary>
    private const int MostModelCharacters = 256;

    public static Fault? Name(string? name) => string.IsNullOrWhiteSpace(name) || name.Length > 200 || name.Any(char.IsControl)
        ? Faults.Invalid("name", "name must be 1 to 200 characters without control characters.")
        : null;

    public static Outcome<PermissionSet> Rights(IReadOnlyList<string>? permissions)
    {
        if (permissions is null || permissions.Count is 0 or > MostEntries || permissions.Any(p => p is null))
        {
            return Faults.Invalid("permissions", "permissions must be a list of 1 to 200 names such as \"models:invoke\" or \"*:read\".");
        }

        if (!PermissionSet.TryParse(permissions, out var rights, out var unknown))
        {
            return Faults.Invalid("permissions", $"There is no permission '{new string([.. unknown!.Take(60).Where(c => c is >= ' ' and <= '~')])}'. GET /v1/me shows yours; /docs lists all.");
        }

        return rights;
    }

    public static Fault? Ips(IReadOnlyList<string>? ips) =>
        ips is null ? null
        : ips.Count > MostEntries ? Faults.Invalid("allowed_ips", $"At most {MostEntries} networks.")
        : ips.FirstOrDefault(ip => ip is null || !Networks.TryParse(ip, out _)) is { } wrong
            ? Faults.Invalid("allowed_ips", $"'{new string([.. wrong.Take(60)])}' is no address or CIDR network. Write for example 203.0.113.7 or 2001:db8::/32.")
            : ips.Any(ip => ip is null) ? Faults.Invalid("allowed_ips", "allowed_ips must be texts.") : null;

    public static Fault? Models(IReadOnlyList<string>? models) =>
        models is not null && (models.Count > MostEntries || models.Any(m => string.IsNullOrEmpty(m) || m.Length > MostModelCharacters))
            ? Faults.Invalid("allowed_models", $"allowed_models must be a list of at most {MostEntries} model ids.")
            : null;

    public static Fault? Rate(int? rate) => rate is < 1 or > 10_000_000
        ? Faults.Invalid("rate_limit_per_minute", "rate_limit_per_minute must be from 1 to 10000000 requests a minute.")
        : null;

    public static Fault? Expiry(DateTimeOffset? expiresAt, DateTimeOffset now) => expiresAt <= now
        ? Faults.Invalid("expires_at", "expires_at must lie in the future.")
        : null;

    /// <summary>Exactly one of mode, environment and crew; the crew must be one that the caller sees.</summary>
    public static Outcome<(string? Mode, CrewEnvironment? Environment, string? CrewId)> Binding(string? mode, string? environment, string? crewId, Call call)
    {
        if (new[] { mode, environment, crewId }.Count(b => b is not null) != 1)
        {
            return KeyFaults.OneBinding;
        }

        if (mode is not null)
        {
            return mode is "live" or "test" ? (mode, (CrewEnvironment?)null, (string?)null) : Faults.Invalid("mode", "mode must be live or test.");
        }

        if (environment is not null)
        {
            return CrewEnvironments.TryParse(environment, out var parsed)
                ? (null, parsed, null)
                : Faults.Invalid("environment", "environment must be development, staging or production.");
        }

        return call.Workspace.Crews.TryGetValue(crewId!, out var of) && call.Caller.Sees(crewId!, of)
            ? (null, of, crewId)
            : Faults.NotFound;
    }

    /// <summary>No escalation: permissions, environments, addresses, models and life are within the caller's.</summary>
    public static Fault? Escalation(KeyDraft draft, Caller caller)
    {
        var beyond = draft.Rights.Except(caller.Permissions);
        if (!beyond.IsEmpty)
        {
            return KeyFaults.Escalation("permissions", beyond.ToNames()[0]);
        }

        return BindingEscalation(draft, caller) ?? NarrowingEscalation(draft, caller);
    }

    /// <summary>A limited credential gives no limit beyond its own, and no limit at all is more than any.</summary>
    public static Fault? LimitEscalation(KeyDraft draft, Caller caller) =>
        Beyond("rate_limit_per_minute", draft.RateLimitPerMinute, caller.RateLimitPerMinute)
        ?? Beyond("tokens_per_minute", draft.TokensPerMinute, caller.TokensPerMinute)
        ?? Beyond("concurrent_streams", draft.ConcurrentStreams, caller.ConcurrentStreams);

    private static Fault? Beyond(string field, int? asked, int? own) => own is { } most && (asked is null || asked > most)
        ? KeyFaults.Escalation(field, $"this credential itself has {most}")
        : null;

    /// <summary>What keeps no trace of its callers does not make, or become, something that does.</summary>
    public static Fault? Loosening(bool? zeroLogging, Caller caller) => zeroLogging == false && caller.ZeroLogging
        ? KeyFaults.Escalation("zero_logging", "this credential keeps no trace of its callers, so neither do keys that it makes or changes")
        : null;

    private static Fault? BindingEscalation(KeyDraft draft, Caller caller)
    {
        if (caller.CrewId is not null && draft.CrewId != caller.CrewId)
        {
            return KeyFaults.Escalation("crew_id", $"this credential is bound to {caller.CrewId}");
        }

        if (caller.Environment is { } own && draft.Environment != own)
        {
            return KeyFaults.Escalation("environment", $"this credential is bound to {own.ToName()}");
        }

        if (caller.Environments is { } reached && (draft.Environment is not { } bound || !reached.Contains(bound)))
        {
            return KeyFaults.Escalation("environment", $"this membership is narrowed to {string.Join(", ", reached.Select(e => e.ToName()))}");
        }

        return caller.IsTest && (draft.Mode == "live" || draft.Environment == CrewEnvironment.Production)
            ? KeyFaults.Escalation(draft.Mode is null ? "environment" : "mode", "this credential is in test mode")
            : null;
    }

    private static Fault? NarrowingEscalation(KeyDraft draft, Caller caller)
    {
        foreach (var list in caller.AllowedNetworks.Where(l => l.Count > 0))
        {
            if (draft.AllowedIps.Count == 0 || !draft.AllowedIps.All(ip => Networks.TryParse(ip, out var network) && IsWithin(network, list)))
            {
                return KeyFaults.Escalation("allowed_ips", "each address must lie within the credential's own list");
            }
        }

        if (caller.AllowedModels is { } models && (draft.AllowedModels is null || !draft.AllowedModels.All(models.Contains)))
        {
            return KeyFaults.Escalation("allowed_models", "each model must be on the credential's own list");
        }

        if (caller.AllowedRegions is { } regions && (draft.AllowedRegions is null || !draft.AllowedRegions.All(regions.Contains)))
        {
            return KeyFaults.Escalation("allowed_regions", "each region must be on the credential's own list");
        }

        return caller.ExpiresAt is { } ends && (draft.ExpiresAt is null || draft.ExpiresAt > ends)
            ? KeyFaults.Escalation("expires_at", $"this credential itself ends at {Timestamp.ToText(ends)}")
            : null;
    }

    private static bool IsWithin(System.Net.IPNetwork network, IReadOnlyList<System.Net.IPNetwork> list) =>
        list.Any(outer => outer.BaseAddress.AddressFamily == network.BaseAddress.AddressFamily
            && outer.PrefixLength <= network.PrefixLength && outer.Contains(network.BaseAddress));

    /// <summary>
    /// Nobody acts on a key that can do more than they can, nor takes its place by a roll. Ending a key is not held against the
    /// caller's own end: who may manage keys for a week may revoke one that never ends.
    /// </summary>
    public static Fault? ActingOn(ApiKey target, Caller caller, bool takesItsPlace = false)
    {
        if (target.Account && !caller.IsAccount)
        {
            return KeyFaults.Escalation("id", "an account master key");
        }

        // A master counts as an Admin, which a key with the same permissions does not.
        if (target.Kind == KeyKind.Master && caller.Kind != KeyKind.Master && !caller.IsOwnerInPerson)
        {
            return KeyFaults.Escalation("id", "a master key");
        }

        // What follows a person cannot do more than they can, whatever it says: they may end it, and take another in its place.
        if (target.Kind == KeyKind.User && caller.SessionId is not null && target.UserId == caller.UserId)
        {
            return null;
        }

        // A token belongs to the lineage of its key and may do less: to it that key is another's.
        if (target.LineageId == caller.LineageId && caller.Actor.Type == "api_key")
        {
            return takesItsPlace && target.Id != caller.Actor.Id ? Succession(target, caller) : null;
        }

        var draft = DraftOf(target);
        return Escalation(takesItsPlace ? draft : draft with { ExpiresAt = caller.ExpiresAt }, caller);
    }

    /// <summary>The text of a key that follows a person acts as that person: nobody else comes by one, nor changes what it may do.</summary>
    public static Fault? Holding(ApiKey target, Caller caller) =>
        target.Kind == KeyKind.User && target.UserId != caller.UserId ? KeyFaults.AnothersKey : null;

    /// <summary>A rolled key works on for its overlap only: it must not take the place of the key that has taken its own.</summary>
    private static Fault? Succession(ApiKey target, Caller caller) => caller.ExpiresAt is { } ends && (target.EndsAt is null || target.EndsAt > ends)
        ? KeyFaults.Escalation("expires_at", $"this credential itself ends at {Timestamp.ToText(ends)}")
        : null;

    /// <summary>What a key is now, as a request for it would say.</summary>
    public static KeyDraft DraftOf(ApiKey key)
    {
        _ = PermissionSet.TryParse(key.Permissions, out var rights, out _);
        return new KeyDraft(key.Name, key.Permissions, rights, key.Mode, CrewEnvironments.TryParse(key.Environment, out var environment) ? environment : null,
            key.CrewId, key.AllowedIps, key.AllowedModels, key.RateLimitPerMinute, key.ExpiresAt)
        {
            AllowedRegions = key.AllowedRegions,
            TokensPerMinute = key.TokensPerMinute,
            ConcurrentStreams = key.ConcurrentStreams,
            ZeroLogging = key.ZeroLogging,
        };
    }
}
