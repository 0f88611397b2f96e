using Crew.Kernel;
using Crew.Storage;
using Crew.Tenancy.Contracts;
using Microsoft.EntityFrameworkCore;

namespace Crew.Tenancy.Members;

/// <summary>Finds the Owners of a workspace for those who have to write to them.</summary>
internal sealed class WorkspaceOwners(Store store, PeopleDirectory people) : IWorkspaceOwners
{
    /// <summary>Of more Owners only so many are written to.</summary>
    private const int MostOwners = 50;

    public async Task<IReadOnlyList<string>> EmailsAsync(Tenant place, CancellationToken cancel)
    {
        var ids = await store.ReadAsync(place, db => db.Set<Membership>().AsNoTracking()
            .Where(m => m.WorkspaceId == place.WorkspaceId && m.Role == Roles.Owner).OrderBy(m => m.Id).Select(m => m.UserId).Take(MostOwners).ToListAsync(cancel), cancel);
        return [.. (await people.FindAllAsync(ids, cancel)).Values.Select(p => p.Email)];
    }
}
