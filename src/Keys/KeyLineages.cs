using Crew.Kernel;
using Crew.Spend.Contracts;
using Crew.Storage;
using Microsoft.EntityFrameworkCore;

namespace Crew.Keys;

/// <summary>Answers what budgets ask about keys.</summary>
internal sealed class KeyLineages : IKeyLineages
{
    public async Task<KeyLineage?> FindAsync(Db db, string keyId)
    {
        if (!Id.IsValid(keyId, IdPrefix.ApiKey)
            || await db.Set<ApiKey>().AsNoTracking().SingleOrDefaultAsync(k => k.Id == keyId) is not { } key)
        {
            return null;
        }

        var parents = new List<string>();
        for (var lineage = key.ParentLineageId; lineage is not null && parents.Count < KeyIndex.MaximumDepth;)
        {
            parents.Add(lineage);
            lineage = await db.Set<ApiKey>().Where(k => k.LineageId == lineage).Select(k => k.ParentLineageId).FirstOrDefaultAsync();
        }

        return new KeyLineage(key.LineageId, parents, key.CrewId, key.CreatedBy);
    }

    public async Task<IReadOnlyList<string>> MadeByAsync(Db db, string lineageId) =>
        await db.Set<ApiKey>().Where(k => k.CreatedBy == lineageId).Select(k => k.LineageId).Distinct().ToListAsync();
}
