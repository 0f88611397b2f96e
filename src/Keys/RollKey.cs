using System.ComponentModel;
using Crew.Http;
using Crew.Kernel;
using Crew.Spend.Contracts;
using Crew.Storage;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace Crew.Keys;

internal static class RollKey
{
    /// <summary>30 days.</summary>
    public const int MaximumOverlapSeconds = 2_592_000;

    internal sealed record Request([property: Description("How long the old key still works; 0 (the default) to 2592000 seconds.")] int? OverlapSeconds);

    public static void Map(RouteGroupBuilder keys) =>
        keys.MapPost("/{id}/roll", Handle)
            .WithName("Keys.Roll")
            .WithSummary("Replace a key by a new one of the same lineage; the old one works until overlap_seconds (0 to 2592000) have passed.")
            .WithMetadata(new CreatedRoute())
            .Requires(CrewSource.None, "api_keys:write", "api_keys:self")
            .StepUp()
            .Audited("api_key.rolled")
            .Refuses("key_not_active", "version_conflict")
            .Example("""{"overlap_seconds": 3600}""");

    private static async Task<Reply<KeyAnswer>> Handle(
        string id, Body<Request> body, Call call, Store store, KeyMint mint, KeyBudgets budgets, IKeyLineages lineages, TimeProvider clock,
        CancellationToken cancel)
    {
        if (body.Fault is { } broken)
        {
            return broken;
        }

        if (body.Value.OverlapSeconds is not (>= 0 and <= MaximumOverlapSeconds or null))
        {
            return Faults.Invalid("overlap_seconds", $"overlap_seconds must be from 0 to {MaximumOverlapSeconds} (30 days).");
        }

        CrashPoint.Pass(CrashPoints.KeyRollBefore);
        var rolled = await store.ChangeAsync<(ApiKey Key, SecretText Text)>(call.Tenant, call.Origin, async db =>
        {
            if (await KeyAccess.FindAsync(db, id, call, KeyAccess.Write) is not { } key)
            {
                return Faults.NotFound;
            }

            var now = clock.GetUtcNow();
            var dead = key.IsDeadAt(now) || key.RolledToId is not null ? KeyFaults.Dead : null;
            if ((call.CheckVersion(key.Version) ?? KeyRequestCheck.Holding(key, call.Caller) ?? KeyRequestCheck.ActingOn(key, call.Caller, takesItsPlace: true) ?? dead) is { } refused)
            {
                return refused;
            }

            // The text of another key is worth what that key may spend: who is capped must not come by one that is not.
            var line = await lineages.FindAsync(db, key.Id);
            return budgets.WouldEscape(call.Caller, [line!.LineageId, .. line.ParentLineageIds], key.UserId)
                ? KeyFaults.Escalation("id", "this credential has a budget that the spend of that key does not count against")
                : Roll(db, key, mint, now, body.Value.OverlapSeconds ?? 0);
        }, cancel);
        CrashPoint.Pass(CrashPoints.KeyRollAfter);
        if (rolled.Failed(out var fault))
        {
            return fault;
        }

        return Reply<KeyAnswer>.Created(KeyAnswer.Of(rolled.Value.Key, clock.GetUtcNow(), mint.Ring, rolled.Value.Text), rolled.Value.Key.Version, holdsSecret: true);
    }

    private static (ApiKey Key, SecretText Text) Roll(Db db, ApiKey former, KeyMint mint, DateTimeOffset now, int overlapSeconds)
    {
        var minted = mint.Make(former.OrganizationId, former.WorkspaceId, KeyRequestCheck.DraftOf(former), former.Kind, former.Account, former.CreatedBy,
            former.ParentLineageId, former.UserId, former);
        db.Add(minted.Key);
        (former.RolledToId, former.OverlapEndsAt, former.Version) = (minted.Key.Id, now.AddSeconds(overlapSeconds), former.Version + 1);
        db.Raise(new Event("api_key.rolled", new Resource("api_key", former.Id, former.Name))
        {
            CrewId = former.CrewId,
            Changes = [new FieldChange("rolled_to_id", null, minted.Key.Id), new FieldChange("overlap_ends_at", null, Timestamp.ToText(former.OverlapEndsAt.Value))],
        });
        db.Touch(KeyIndex.FeedTopic, former.Id);
        db.Touch(KeyIndex.FeedTopic, minted.Key.Id);
        return minted;
    }
}
