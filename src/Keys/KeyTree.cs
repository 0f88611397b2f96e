using Crew.Http;
using Crew.Kernel;
using Crew.Storage;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.EntityFrameworkCore;

namespace Crew.Keys;

/// <summary>A key with all that stand below it.</summary>
internal static class KeyTree
{
    /// <summary>Keys in one answer; what is beyond is left out and said so.</summary>
    private const int MostKeys = 1_000;

    /// <summary>A key in the tree. Of a rolled lineage only its latest key stands here; children hang on the lineage.</summary>
    internal sealed record Branch(KeyAnswer Key, IReadOnlyList<Branch> Children);

    internal sealed record Answer(Branch Root, int Keys, bool Truncated);

    public static void Map(RouteGroupBuilder keys) =>
        keys.MapGet("/{id}/tree", ReadAsync)
            .WithName("Keys.Tree")
            .WithSummary("Read a key with the keys below it, as a tree: each is bounded by all above it and dies with them.")
            .Requires(CrewSource.None, "api_keys:read", "api_keys:self");

    private static async Task<Reply<Answer>> ReadAsync(string id, Call call, Store store, KeyMint mint, TimeProvider clock, CancellationToken cancel)
    {
        var now = clock.GetUtcNow();
        return await store.ReadAsync<Reply<Answer>>(call.Tenant, async db =>
        {
            if (await KeyAccess.FindAsync(db, id, call, KeyAccess.Read) is not { } root)
            {
                return Faults.NotFound;
            }

            var below = new Dictionary<string, List<ApiKey>>(StringComparer.Ordinal);
            var (count, truncated) = (1, false);
            for (List<string> level = [root.LineageId]; level.Count > 0 && !truncated;)
            {
                var children = await KeyAccess.Visible(db, call, KeyAccess.Read).AsNoTracking()
                    .Where(k => k.ParentLineageId != null && level.Contains(k.ParentLineageId) && k.RolledToId == null)
                    .OrderBy(k => k.Id).Take(MostKeys - count + 1).ToListAsync(cancel);
                truncated = children.Count > MostKeys - count;
                foreach (var child in children.Take(MostKeys - count))
                {
                    below.TryAdd(child.ParentLineageId!, []);
                    below[child.ParentLineageId!].Add(child);
                }

                count += Math.Min(children.Count, MostKeys - count);
                level = children.ConvertAll(c => c.LineageId);
            }

            return new Answer(BranchOf(root), count, truncated);

            Branch BranchOf(ApiKey key) => new(KeyAnswer.Of(key, now, mint.Ring), below.TryGetValue(key.LineageId, out var children) ? children.ConvertAll(BranchOf) : []);
        }, cancel);
    }
}
