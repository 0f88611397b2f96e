using Crew.Http;
using Crew.Kernel;
using Crew.Storage;
using Microsoft.EntityFrameworkCore;

namespace Crew.Keys;

/// <summary>Which keys a credential sees: all of its workspace, or (bound to test mode, an environment or a crew) itself and what it made.</summary>
internal static class KeyAccess
{
    public static IQueryable<ApiKey> Visible(Db db, Call call)
    {
        var all = db.Set<ApiKey>().AsQueryable();
        var lineage = call.Caller.LineageId;
        return call.Caller.SeesWorkspaceLevel ? all : all.Where(k => k.LineageId == lineage || k.CreatedBy == lineage);
    }

    public static async Task<ApiKey?> FindAsync(Db db, string id, Call call) =>
        Id.IsValid(id, IdPrefix.ApiKey) ? await Visible(db, call).SingleOrDefaultAsync(k => k.Id == id) : null;
}
