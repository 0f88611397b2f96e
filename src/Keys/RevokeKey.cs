using Crew.Http;
using Crew.Kernel;
using Crew.Storage;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.EntityFrameworkCore;

namespace Crew.Keys;

internal static class RevokeKey
{
    public static void Map(RouteGroupBuilder keys) =>
        keys.MapDelete("/{id}", Handle)
            .WithName("Keys.Revoke")
            .WithSummary("Revoke a key at once: no request with it or its children is accepted after this has answered, and open streams are cut.")
            .Requires(CrewSource.None, "api_keys:write", "api_keys:self")
            .Audited("api_key.revoked");

    private static async Task<Reply<KeyAnswer>> Handle(string id, Call call, Store store, KeyMint mint, KeyMarks marks, TimeProvider clock, CancellationToken cancel)
    {
        await marks.FlushAsync(cancel);
        CrashPoint.Pass(CrashPoints.KeyRevokeBefore);
        var revoked = await store.ChangeAsync<(ApiKey Key, KeyReport Report)>(call.Tenant, call.Origin, async db =>
        {
            if (await KeyAccess.FindAsync(db, id, call, KeyAccess.Write) is not { } key)
            {
                return Faults.NotFound;
            }

            if ((call.CheckVersion(key.Version) ?? KeyRequestCheck.ActingOn(key, call.Caller)) is { } refused)
            {
                return refused;
            }

            var now = clock.GetUtcNow();
            await RevokeAsync(db, key, now);
            return (key, await KeyReports.ReportAsync(db, key.Id, now, mint.Ring, CancellationToken.None));
        }, cancel);
        CrashPoint.Pass(CrashPoints.KeyRevokeAfter);
        if (revoked.Failed(out var fault))
        {
            return fault;
        }

        var (done, report) = revoked.Value;
        return Reply<KeyAnswer>.Ok(KeyAnswer.Of(done, clock.GetUtcNow(), mint.Ring) with { Report = report }, done.Version);
    }

    /// <summary>Revokes the key and, when it was the last live one of its lineage, all keys below it. Revoking twice changes nothing.</summary>
    public static async Task RevokeAsync(Db db, ApiKey key, DateTimeOffset now, string? reason = null)
    {
        if (key.RevokedAt is not null)
        {
            return;
        }

        Mark(db, key, now, reason);
        var siblings = await db.Set<ApiKey>().Where(k => k.LineageId == key.LineageId && k.Id != key.Id && k.RevokedAt == null).ToListAsync();
        if (siblings.Exists(s => !s.IsDeadAt(now)))
        {
            return;
        }

        var lineages = new Queue<string>([key.LineageId]);
        while (lineages.TryDequeue(out var lineage))
        {
            foreach (var child in await db.Set<ApiKey>().Where(k => k.ParentLineageId == lineage && k.RevokedAt == null).ToListAsync())
            {
                Mark(db, child, now, "parent_revoked");
                lineages.Enqueue(child.LineageId);
            }
        }
    }

    /// <summary>Ends one live key and nothing below it.</summary>
    public static void Mark(Db db, ApiKey key, DateTimeOffset now, string? reason)
    {
        (key.RevokedAt, key.Version) = (now, key.Version + 1);
        db.Raise(new Event("api_key.revoked", new Resource("api_key", key.Id, key.Name)) 
        {
            Tenant = new Tenant(key.OrganizationId, key.WorkspaceId),
            CrewId = key.CrewId,
            Reason = reason,
        });
        db.Touch(KeyIndex.FeedTopic, key.Id);
    }
}
