using Crew.Http;
using Crew.Kernel;
using Crew.Storage;
using Microsoft.EntityFrameworkCore;

namespace Crew.Keys.Contracts;

/// <summary>The keys of a workspace all together, inside a transaction that sees them.</summary>
public static class WorkspaceKeys
{
    /// <summary>Revokes every key of a workspace but one and those that it stands below, which it would die with. Returns how many ended by this.</summary>
    /// <param name="exceptKeyId">The key that stays; null for none.</param>
    public static async Task<int> RevokeAllAsync(Db db, Tenant place, string? exceptKeyId, string reason, DateTimeOffset now)
    {
        var kept = await LinesAsync(db, exceptKeyId);
        var live = await db.Set<ApiKey>().Where(k => k.WorkspaceId == place.WorkspaceId && k.RevokedAt == null).OrderBy(k => k.Id).ToListAsync();
        var ended = live.Where(k => k.Id != exceptKeyId && !kept.Contains(k.LineageId)).ToList();
        foreach (var key in ended)
        {
            RevokeKey.Mark(db, key, now, reason);
        }

        return ended.Count(k => k.EndsAt is not { } end || end > now);
    }

    /// <summary>Revokes one key that the caller sees and may act on, with all keys below it.</summary>
    public static async Task<Outcome<bool>> RevokeAsync(Db db, Call call, string keyId, string reason, DateTimeOffset now)
    {
        if (await KeyAccess.FindAsync(db, keyId, call, KeyAccess.Write) is not { } key)
        {
            return Faults.NotFound;
        }

        if (KeyRequestCheck.ActingOn(key, call.Caller) is { } refused)
        {
            return refused;
        }

        await RevokeKey.RevokeAsync(db, key, now, reason);
        return true;
    }

    /// <summary>Live account masters of an organization that are at home in another of its workspaces, and reach this one, too.</summary>
    public static Task<int> AccountMastersBesideAsync(Db db, Tenant place, DateTimeOffset now) => db.Set<ApiKey>().CountAsync(k =>
        k.OrganizationId == place.OrganizationId && k.WorkspaceId != place.WorkspaceId && k.Account && k.RevokedAt == null && (k.ExpiresAt == null || k.ExpiresAt > now));

    /// <summary>Lineages above a key, its own not among them: an older key of the same lineage ends.</summary>
    private static async Task<HashSet<string>> LinesAsync(Db db, string? keyId)
    {
        var lines = new HashSet<string>(StringComparer.Ordinal);
        var line = keyId is null ? null : await db.Set<ApiKey>().Where(k => k.Id == keyId).Select(k => k.ParentLineageId).SingleOrDefaultAsync();
        while (line is not null && lines.Count < KeyIndex.MaximumDepth && lines.Add(line))
        {
            line = await db.Set<ApiKey>().Where(k => k.LineageId == line).Select(k => k.ParentLineageId).FirstOrDefaultAsync();
        }

        return lines;
    }
}
