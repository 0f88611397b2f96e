using Crew.Http;
using Crew.Kernel;
using Crew.Sealing;
using Crew.Storage;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.EntityFrameworkCore;

namespace Crew.Keys;

/// <summary>What a key was used for.</summary>
internal static class KeyReports
{
    private const int ReportDays = 30;
    private const int MostRows = 1_000;

    public static void Map(RouteGroupBuilder keys) =>
        keys.MapGet("/{id}/usage", ReadAsync)
            .WithName("Keys.Usage")
            .WithSummary("Uses of a key by day, endpoint, status and address, for the last 30 days. Counts are at most ten seconds old.")
            .Requires(CrewSource.None, "api_keys:read", "api_keys:self");

    public static async Task<List<KeyUsage>> SinceAsync(Db db, string keyId, DateTimeOffset from, CancellationToken cancel)
    {
        var day = (int)(from.ToUnixTimeSeconds() / 86_400);
        return await db.Set<KeyUsage>().AsNoTracking().Where(u => u.KeyId == keyId && u.Day >= day)
            .OrderByDescending(u => u.Day).ThenBy(u => u.Endpoint).ThenBy(u => u.Status).Take(MostRows).ToListAsync(cancel);
    }

    /// <summary>Who has called with a rolled key after its successor was made, latest first.</summary>
    public static async Task<List<KeyUsage>> SinceRollAsync(Db db, ApiKey rolled, CancellationToken cancel)
    {
        var at = await db.Set<ApiKey>().Where(k => k.Id == rolled.RolledToId).Select(k => k.CreatedAt).SingleAsync(cancel);
        var uses = await SinceAsync(db, rolled.Id, at, cancel);
        return [.. uses.Where(u => u.LastAt > at).OrderByDescending(u => u.LastAt)];
    }

    /// <summary>The report that a revocation answers with.</summary>
    public static async Task<KeyReport> ReportAsync(Db db, string keyId, DateTimeOffset now, KeyRing ring, CancellationToken cancel)
    {
        var uses = await SinceAsync(db, keyId, now.AddDays(-ReportDays), cancel);
        return new KeyReport(uses.Sum(u => u.Requests), uses.Count == 0 ? null : DateTimeOffset.UnixEpoch.AddDays(uses.Min(u => u.Day)),
            uses.Count == 0 ? null : uses.Max(u => u.LastAt), uses.ConvertAll(u => KeyUsageAnswer.Of(u, ring)));
    }

    private static async Task<Reply<KeyReport>> ReadAsync(string id, Call call, Store store, KeyMint mint, KeyMarks marks, TimeProvider clock, CancellationToken cancel)
    {
        await marks.FlushAsync(cancel);
        var report = await store.ReadAsync(call.Tenant, async db =>
            await KeyAccess.FindAsync(db, id, call, KeyAccess.Read) is { } key ? await ReportAsync(db, key.Id, clock.GetUtcNow(), mint.Ring, cancel) : null, cancel);
        return report is null ? Faults.NotFound : report;
    }
}
