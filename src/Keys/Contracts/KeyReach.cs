using Crew.Kernel;
using Crew.Storage;
using Microsoft.EntityFrameworkCore;

namespace Crew.Keys.Contracts;

/// <summary>A live key as access lists and reviews show it.</summary>
/// <param name="Why">What makes it reach there: <c>workspace</c>, <c>test_mode</c>, <c>environment</c>, <c>crew</c> or <c>account</c>.</param>
/// <param name="MintsTokens">Whether it may mint tokens for others.</param>
public sealed record KeyReach(
    string Id, string LineageId, string Name, string Kind, string Last4, string? UserId, string Why, IReadOnlyList<string> Permissions, bool MintsTokens, DateTimeOffset CreatedAt,
    DateTimeOffset? LastUsedAt)
{
    /// <summary>Live keys of a workspace in the order of their ids, at most so many.</summary>
    public static async Task<IReadOnlyList<KeyReach>> InAsync(Db db, Tenant place, DateTimeOffset now, int most, CancellationToken cancel) =>
        [.. (await Live(db, now).Where(k => k.WorkspaceId == place.WorkspaceId).OrderBy(k => k.Id).Take(most).ToListAsync(cancel)).Select(k => Of(k, WhyOf(k)))];

    /// <summary>Live keys that see a crew: by being of the whole workspace, of its environment, or of itself. At most so many.</summary>
    public static async Task<IReadOnlyList<KeyReach>> IntoAsync(Db db, string crewId, CrewEnvironment environment, DateTimeOffset now, int most, CancellationToken cancel)
    {
        var (name, isProduction) = (environment.ToName(), environment == CrewEnvironment.Production);
        var keys = await Live(db, now).Where(k => k.Mode == "live" || (k.Mode == "test" && !isProduction) || k.CrewId == crewId || (k.CrewId == null && k.Environment == name))
            .OrderBy(k => k.Id).Take(most).ToListAsync(cancel);
        return [.. keys.Select(k => Of(k, WhyOf(k)))];
    }

    private static IQueryable<ApiKey> Live(Db db, DateTimeOffset now) => db.Set<ApiKey>().AsNoTracking()
        .Where(k => k.RevokedAt == null && (k.ExpiresAt == null || k.ExpiresAt > now) && (k.OverlapEndsAt == null || k.OverlapEndsAt > now));

    private static string WhyOf(ApiKey key) =>
        key.Account ? "account" : key.CrewId is not null ? "crew" : key.Environment is not null ? "environment" : key.Mode == "test" ? "test_mode" : "workspace";

    private static KeyReach Of(ApiKey key, string why)
    {
        _ = PermissionSet.TryParse(key.Permissions, out var rights, out _);
        return new KeyReach(key.Id, key.LineageId, key.Name, key.Kind.ToString().ToLowerInvariant(), key.Last4, key.UserId, why, key.Permissions,
            rights.Has(Kernel.Permissions.Of("tokens:create")), key.CreatedAt, key.LastUsedAt);
    }
}
