using Crew.Http;
using Crew.Kernel;
using Crew.Storage;
using Microsoft.EntityFrameworkCore;

namespace Crew.Keys;

/// <summary>
/// Which keys a credential sees: all of its workspace; bound to test mode, an environment or a crew, itself and what it made; with
/// <c>api_keys:self</c> alone, those that follow its person.
/// </summary>
internal static class KeyAccess
{
    public static readonly Permission Read = Permissions.Of("api_keys:read");
    public static readonly Permission Write = Permissions.Of("api_keys:write");

    public static IQueryable<ApiKey> Visible(Db db, Call call, Permission needed)
    {
        var caller = call.Caller;
        var (lineage, person) = (caller.LineageId, caller.UserId ?? "");
        var all = call.May(needed) ? db.Set<ApiKey>() : db.Set<ApiKey>().Where(k => k.Kind == KeyKind.User && k.UserId == person);
        if (caller.SeesWorkspaceLevel)
        {
            return all;
        }

        // A person whose membership is narrowed still sees what follows them; a key that is bound sees no keys beside its own.
        var own = caller.SessionId is null ? "" : person;
        return all.Where(k => k.LineageId == lineage || k.CreatedBy == lineage || (k.Kind == KeyKind.User && k.UserId == own));
    }

    public static async Task<ApiKey?> FindAsync(Db db, string id, Call call, Permission needed) =>
        Id.IsValid(id, IdPrefix.ApiKey) ? await Visible(db, call, needed).SingleOrDefaultAsync(k => k.Id == id) : null;
}
