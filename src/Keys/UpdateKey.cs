using System.ComponentModel;
using Crew.Http;
using Crew.Kernel;
using Crew.Storage;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace Crew.Keys;

internal static class UpdateKey
{
    /// <summary>Fields that are left out stay as they are, null takes a limit or list away; the binding never changes.</summary>
    internal sealed record Request(
        [property: Description("1 to 200 characters.")] string? Name,
        [property: Description("Replaces the list; never beyond the caller's own.")] IReadOnlyList<string>? Permissions,
        [property: Description("Replaces the list; null or an empty one is any address.")] Patched<IReadOnlyList<string>> AllowedIps,
        [property: Description("Replaces the list; null is all that the workspace allows.")] Patched<IReadOnlyList<string>> AllowedModels,
        [property: Description("1 to 10000000; null is the workspace's own.")] Patched<int?> RateLimitPerMinute,
        [property: Description("In the future; null is never.")] Patched<DateTimeOffset?> ExpiresAt,
        [property: Description("Replaces the list; null is all that the workspace allows.")] Patched<IReadOnlyList<string>> AllowedRegions,
        [property: Description("Tokens a minute of its model calls; null is no limit of its own.")] Patched<int?> TokensPerMinute,
        [property: Description("Streams of its model calls at one moment; null is no limit of its own.")] Patched<int?> ConcurrentStreams,
        [property: Description("Whether no IP address and user agent of its callers is kept.")] bool? ZeroLogging);

    public static void Map(RouteGroupBuilder keys) =>
        keys.MapPatch("/{id}", Handle)
            .WithName("Keys.Update")
            .WithSummary("Change a key's name, permissions, addresses, models, limits or expiry, never beyond the caller's own; null takes a list or limit away.")
            .Requires(CrewSource.None, "api_keys:write", "api_keys:self")
            .Audited("api_key.updated")
            .Refuses("key_not_active")
            .Example("""{"name": "billing worker", "rate_limit_per_minute": 600}""");

    private static async Task<Reply<KeyAnswer>> Handle(
        string id, Body<Request> body, Call call, Store store, KeyMint mint, TimeProvider clock, CancellationToken cancel)
    {
        if (body.Fault is { } broken)
        {
            return broken;
        }

        var changed = await store.ChangeAsync<ApiKey>(call.Tenant, call.Origin, async db =>
        {
            if (await KeyAccess.FindAsync(db, id, call, KeyAccess.Write) is not { } key)
            {
                return Faults.NotFound;
            }

            if ((call.CheckVersion(key.Version) ?? KeyRequestCheck.Holding(key, call.Caller) ?? KeyRequestCheck.ActingOn(key, call.Caller)) is { } refused)
            {
                return refused;
            }

            return Apply(db, key, body.Value, call, clock.GetUtcNow()) is { } wrong ? wrong : key;
        }, cancel);
        return changed.Failed(out var fault) ? fault : Reply<KeyAnswer>.Ok(KeyAnswer.Of(changed.Value, clock.GetUtcNow(), mint.Ring), changed.Value.Version);
    }

    private static Fault? Apply(Db db, ApiKey key, Request request, Call call, DateTimeOffset now)
    {
        if (key.IsDeadAt(now) || key.RolledToId is not null)
        {
            return KeyFaults.Dead;
        }

        if (((request.Name is null ? null : KeyRequestCheck.Name(request.Name)) ?? KeyRequestCheck.Ips(request.AllowedIps.Value)
            ?? KeyRequestCheck.Models(request.AllowedModels.Value) ?? KeyRequestCheck.Rate(request.RateLimitPerMinute.Value)
            ?? KeyRequestCheck.Expiry(request.ExpiresAt.Value, now)
            ?? PolicyCheck.Of("", request.AllowedRegions.Value, request.TokensPerMinute.Value, request.ConcurrentStreams.Value)) is { } wrong)
        {
            return wrong;
        }

        var rights = KeyRequestCheck.Rights(request.Permissions ?? key.Permissions);
        if (rights.Failed(out var unknown))
        {
            return unknown;
        }

        if (key.Kind != KeyKind.Master && request.Permissions?.Contains("*") == true)
        {
            return KeyFaults.MasterOnlyByOwner;
        }

        var draft = DraftOf(key, request, rights.Value);
        if ((KeyRequestCheck.Loosening(request.ZeroLogging, call.Caller) ?? LimitEscalation(request, draft, call.Caller)
            ?? KeyRequestCheck.Escalation(draft, call.Caller)) is { } escalation)
        {
            return escalation;
        }

        Save(db, key, draft);
        return null;
    }

    private static KeyDraft DraftOf(ApiKey key, Request request, PermissionSet rights) => new(
        request.Name ?? key.Name, request.Permissions ?? key.Permissions, rights, key.Mode,
        CrewEnvironments.TryParse(key.Environment, out var environment) ? environment : null, key.CrewId,
        request.AllowedIps.Over(key.AllowedIps) ?? [], request.AllowedModels.Over(key.AllowedModels),
        request.RateLimitPerMinute.Over(key.RateLimitPerMinute), request.ExpiresAt.Over(key.ExpiresAt))
    {
        AllowedRegions = request.AllowedRegions.Over(key.AllowedRegions),
        TokensPerMinute = request.TokensPerMinute.Over(key.TokensPerMinute),
        ConcurrentStreams = request.ConcurrentStreams.Over(key.ConcurrentStreams),
        ZeroLogging = request.ZeroLogging ?? key.ZeroLogging,
    };

    /// <summary>Only what is asked for is judged: a limited credential may rename a key that has no limits.</summary>
    private static Fault? LimitEscalation(Request request, KeyDraft draft, Caller caller) => KeyRequestCheck.LimitEscalation(draft with
    {
        RateLimitPerMinute = request.RateLimitPerMinute.IsGiven ? draft.RateLimitPerMinute : caller.RateLimitPerMinute,
        TokensPerMinute = request.TokensPerMinute.IsGiven ? draft.TokensPerMinute : caller.TokensPerMinute,
        ConcurrentStreams = request.ConcurrentStreams.IsGiven ? draft.ConcurrentStreams : caller.ConcurrentStreams,
    }, caller);

    private static void Save(Db db, ApiKey key, KeyDraft draft)
    {
        var changes = new List<FieldChange>();
        Note(changes, "name", key.Name, draft.Name);
        Note(changes, "permissions", string.Join(' ', key.Permissions), string.Join(' ', draft.Permissions));
        Note(changes, "allowed_ips", string.Join(' ', key.AllowedIps), string.Join(' ', draft.AllowedIps));
        Note(changes, "allowed_models", Joined(key.AllowedModels), Joined(draft.AllowedModels));
        Note(changes, "rate_limit_per_minute", key.RateLimitPerMinute, draft.RateLimitPerMinute);
        Note(changes, "allowed_regions", Joined(key.AllowedRegions), Joined(draft.AllowedRegions));
        Note(changes, "tokens_per_minute", key.TokensPerMinute, draft.TokensPerMinute);
        Note(changes, "concurrent_streams", key.ConcurrentStreams, draft.ConcurrentStreams);
        Note(changes, "zero_logging", key.ZeroLogging, draft.ZeroLogging);
        Note(changes, "expires_at", key.ExpiresAt is { } old ? Timestamp.ToText(old) : null, draft.ExpiresAt is { } next ? Timestamp.ToText(next) : null);
        if (changes.Count == 0)
        {
            return;
        }

        (key.Name, key.Permissions, key.AllowedIps, key.AllowedModels) = (draft.Name, draft.Permissions, draft.AllowedIps, draft.AllowedModels);
        (key.AllowedRegions, key.TokensPerMinute, key.ConcurrentStreams, key.ZeroLogging) =
            (draft.AllowedRegions, draft.TokensPerMinute, draft.ConcurrentStreams, draft.ZeroLogging);
        (key.RateLimitPerMinute, key.ExpiresAt, key.Version) = (draft.RateLimitPerMinute, draft.ExpiresAt, key.Version + 1);
        db.Raise(new Event("api_key.updated", new Resource("api_key", key.Id, key.Name)) { CrewId = key.CrewId, Changes = changes });
        db.Touch(KeyIndex.FeedTopic, key.Id);
    }

    private static string? Joined(IReadOnlyList<string>? list) => list is null ? null : string.Join(' ', list);

    private static void Note(List<FieldChange> changes, string field, object? from, object? to)
    {
        if (!Equals(from, to))
        {
            changes.Add(new FieldChange(field, from, to));
        }
    }
}
