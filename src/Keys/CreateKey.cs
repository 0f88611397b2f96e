using System.ComponentModel;
using System.ComponentModel.DataAnnotations;
using Crew.Http;
using Crew.Kernel;
using Crew.Spend.Contracts;
using Crew.Storage;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.EntityFrameworkCore;

namespace Crew.Keys;

internal static class CreateKey
{
    /// <summary>Live keys that follow one person, so that nobody uses up what the plan allows their workspace.</summary>
    private const int MostPerPerson = 100;

    internal sealed record Request(
        [property: Required, Description("1 to 200 characters; a label, not unique.")] string? Name,
        [property: Required, Description("Names such as models:invoke, or *:read and *:write. Never beyond the caller's own.")]
        IReadOnlyList<string>? Permissions,
        [property: Description("service; user, a key that follows the person who makes it and never exceeds them; or master, by an Owner's session, with * alone. "
            + "The default is service, or user for who may make none but their own.")] string? Kind,
        [property: Description("For a master: whether it also carries the organization's permissions, as only an org_owner may have it.")] bool? Account,
        [property: Description("live or test, for the whole workspace. Give exactly one of mode, environment and crew_id.")] string? Mode,
        [property: Description("development, staging or production: the key sees the crews of that environment.")] string? Environment,
        [property: Description("The one crew that the key sees.")] string? CrewId,
        [property: Description("A key that this one stands below: it never exceeds its parent and dies with it.")] string? ParentId,
        [property: Description("Addresses and CIDR networks, IPv4 and IPv6; none is any.")] IReadOnlyList<string>? AllowedIps,
        [property: Description("Model ids; null is all that the workspace allows.")] IReadOnlyList<string>? AllowedModels,
        [property: Description("1 to 10000000; above the workspace's rate it has no effect. Left out, it and the limits below are those of the key that makes it.")] int? RateLimitPerMinute,
        [property: Description("Regions of providers as their data_policy names them; null is all that the workspace allows.")] IReadOnlyList<string>? AllowedRegions,
        [property: Description("Tokens a minute of its model calls; null is no limit of its own.")] int? TokensPerMinute,
        [property: Description("Streams of its model calls at one moment; null is no limit of its own.")] int? ConcurrentStreams,
        [property: Description("Whether no IP address and user agent of its callers is kept.")] bool? ZeroLogging,
        [property: Description("In the future; null is never.")] DateTimeOffset? ExpiresAt,
        [property: Description("A first budget of the key.")] NewBudget? Budget);

    public static void Map(RouteGroupBuilder keys) =>
        keys.MapPost("/", Handle)
            .WithName("Keys.Create")
            .WithSummary("Make an API key. Its text is in this answer and never again.")
            .WithMetadata(new CreatedRoute())
            .Requires(CrewSource.Body, "api_keys:write", "api_keys:self")
            .StepUp()
            .Audited("api_key.created", "budget.created")
            .Refuses("quota_exceeded", "key_not_active")
            .Example("""
                {"name": "billing worker", "mode": "live", "permissions": ["models:invoke"], "budget": {"amount_usd": "5.00", "window": "day", "mode": "strict"}}
                """);

    private static async Task<Reply<KeyAnswer>> Handle(Body<Request> body, Call call, Store store, KeyMint mint, KeyBudgets budgets, TimeProvider clock, CancellationToken cancel)
    {
        if (body.Fault is { } broken)
        {
            return broken;
        }

        var draft = Draft(body.Value, call, clock.GetUtcNow());
        if (draft.Failed(out var wrong))
        {
            return wrong;
        }

        var kind = NewKeyKind.Of(body.Value, draft.Value, call);
        if (kind.Failed(out var unmakable))
        {
            return unmakable;
        }

        var personId = kind.Value == KeyKind.User ? call.Caller.UserId : null;
        CrashPoint.Pass(CrashPoints.KeyCreateBefore);
        var made = await store.ChangeAsync<(ApiKey Key, SecretText Text)>(call.Tenant, call.Origin, async db =>
        {
            var parent = await ParentAsync(db, body.Value.ParentId, draft.Value, call, clock.GetUtcNow());
            if (parent.Failed(out var orphan))
            {
                return orphan;
            }

            if (budgets.MustHaveParent(call.Caller, personId) && !IsChildOf(parent.Value, call.Caller))
            {
                return KeyFaults.Escalation("parent_id", "this credential has a budget, so keys that it makes must be its children (parent_id)");
            }

            if ((NewKeyKind.Below(parent.Value, kind.Value, personId) ?? await QuotaAsync(db, call, personId)) is { } beyond)
            {
                return beyond;
            }

            var minted = mint.Make(call.Caller.OrganizationId, call.Workspace.Id, draft.Value, kind.Value, body.Value.Account == true, call.Caller.LineageId,
                parent.Value?.LineageId, personId);
            Add(db, minted.Key);
            return body.Value.Budget is { } budget && budgets.AddForKey(db, call, minted.Key.LineageId, budget) is { } refused ? refused : minted;
        }, cancel);
        CrashPoint.Pass(CrashPoints.KeyCreateAfter);
        if (made.Failed(out var fault))
        {
            return fault;
        }

        var (key, text) = made.Value;
        return Reply<KeyAnswer>.Created(KeyAnswer.Of(key, clock.GetUtcNow(), mint.Ring, text), key.Version, holdsSecret: true);
    }

    /// <summary>Adds a key with its event and its mark on the feed.</summary>
    public static void Add(Db db, ApiKey key)
    {
        db.Add(key);
        db.Raise(new Event("api_key.created", new Resource("api_key", key.Id, key.Name))
        {
            Tenant = new Tenant(key.OrganizationId, key.WorkspaceId),
            CrewId = key.CrewId,
            Changes =
            [
                new FieldChange("kind", null, key.Kind.ToString().ToLowerInvariant()), new FieldChange("prefix", null, key.Prefix),
                new FieldChange("last4", null, key.Last4), new FieldChange("permissions", null, key.Permissions),
            ],
        });
        db.Touch(KeyIndex.FeedTopic, key.Id);
    }

    private static async Task<Fault?> QuotaAsync(Db db, Call call, string? personId)
    {
        if (await db.Set<ApiKey>().CountAsync(k => k.RevokedAt == null) >= call.Workspace.MaximumKeys)
        {
            return Faults.QuotaExceeded("max_keys", call.Workspace.MaximumKeys);
        }

        return personId is not null && await db.Set<ApiKey>().CountAsync(k => k.RevokedAt == null && k.UserId == personId) >= MostPerPerson
            ? Faults.QuotaExceeded("max_user_keys", MostPerPerson)
            : null;
    }

    private static bool IsChildOf(ApiKey? parent, Caller caller) =>
        parent is not null && (parent.LineageId == caller.LineageId || parent.ParentLineageId == caller.LineageId);

    private static Outcome<KeyDraft> Draft(Request request, Call call, DateTimeOffset now)
    {
        if ((KeyRequestCheck.Name(request.Name) ?? KeyRequestCheck.Ips(request.AllowedIps) ?? KeyRequestCheck.Models(request.AllowedModels)
            ?? KeyRequestCheck.Rate(request.RateLimitPerMinute) ?? KeyRequestCheck.Expiry(request.ExpiresAt, now)
            ?? PolicyCheck.Of("", request.AllowedRegions, request.TokensPerMinute, request.ConcurrentStreams)) is { } wrong)
        {
            return wrong;
        }

        var rights = KeyRequestCheck.Rights(request.Permissions);
        if (rights.Failed(out var unknown))
        {
            return unknown;
        }

        var binding = KeyRequestCheck.Binding(request.Mode, request.Environment, request.CrewId, call);
        if (binding.Failed(out var unbound))
        {
            return unbound;
        }

        var draft = new KeyDraft(request.Name!, request.Permissions!, rights.Value, binding.Value.Mode, binding.Value.Environment, binding.Value.CrewId,
            request.AllowedIps ?? [], request.AllowedModels, request.RateLimitPerMinute ?? call.Caller.RateLimitPerMinute, request.ExpiresAt)
        {
            AllowedRegions = request.AllowedRegions,
            TokensPerMinute = request.TokensPerMinute ?? call.Caller.TokensPerMinute,
            ConcurrentStreams = request.ConcurrentStreams ?? call.Caller.ConcurrentStreams,
            ZeroLogging = request.ZeroLogging ?? call.Caller.ZeroLogging,
        };
        return (KeyRequestCheck.Loosening(request.ZeroLogging, call.Caller) ?? KeyRequestCheck.LimitEscalation(draft, call.Caller)
            ?? KeyRequestCheck.Escalation(draft, call.Caller)) is { } escalation ? escalation : draft;
    }

    /// <summary>The parent must be visible, alive and not too deep; the child must not exceed it.</summary>
    private static async Task<Outcome<ApiKey?>> ParentAsync(Db db, string? parentId, KeyDraft draft, Call call, DateTimeOffset now)
    {
        if (parentId is null)
        {
            return Nobody;
        }

        var parent = await KeyAccess.FindAsync(db, parentId, call, KeyAccess.Write);
        if (parent is null)
        {
            return Faults.NotFound;
        }

        if (parent.IsDeadAt(now))
        {
            return KeyFaults.Dead;
        }

        var depth = 1;
        for (var lineage = parent.ParentLineageId; lineage is not null; depth++)
        {
            lineage = await db.Set<ApiKey>().Where(k => k.LineageId == lineage).Select(k => k.ParentLineageId).FirstOrDefaultAsync();
        }

        if (depth >= KeyIndex.MaximumDepth)
        {
            return Faults.Invalid("parent_id", $"Keys may stand at most {KeyIndex.MaximumDepth} deep below each other.");
        }

        return KeyRequestCheck.Escalation(draft, KeyEntry.Of(parent, []).Caller) is { } beyond ? beyond : Outcome(parent);
    }

    private static Outcome<ApiKey?> Nobody => (ApiKey?)null;

    private static Outcome<ApiKey?> Outcome(ApiKey? key) => key;
}
