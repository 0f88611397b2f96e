using Crew.Http;
using Crew.Kernel;
using Crew.Storage;
using Microsoft.EntityFrameworkCore;

namespace Crew.Keys;

/// <summary>Keys as principals of work behind a request. A rolled key lives on in its successor, as its budgets do.</summary>
internal sealed class KeyPrincipals(Store store, KeyIndex index, KeyScheme scheme) : IPrincipalSource
{
    public string ActorType => "api_key";

    public async ValueTask<Caller?> FindAsync(Tenant workspace, string actorId, CancellationToken cancel) =>
        await JudgeAsync(actorId, cancel) is { } caller && Principals.Reaches(caller, workspace) ? caller : null;

    private async ValueTask<Caller?> JudgeAsync(string keyId, CancellationToken cancel)
    {
        if (index.TryFind(keyId, out var slot) && (await scheme.JudgeAsync(slot, cancel)).Caller is { } caller)
        {
            return caller;
        }

        var successor = await store.ReadAsync(SystemJob.KeyLookup, db => db.Set<ApiKey>().AsNoTracking()
            .Where(k => k.RevokedAt == null && db.Set<ApiKey>().Any(o => o.Id == keyId && o.LineageId == k.LineageId))
            .OrderByDescending(k => k.Id).Select(k => k.Id).FirstOrDefaultAsync(cancel), cancel);
        return successor is not null && successor != keyId && index.TryFind(successor, out var next) ? (await scheme.JudgeAsync(next, cancel)).Caller : null;
    }
}
