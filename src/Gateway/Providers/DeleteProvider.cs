using Crew.Gateway.Models;
using Crew.Http;
using Crew.Storage;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.EntityFrameworkCore;

namespace Crew.Gateway.Providers;

internal static class DeleteProvider
{
    public static void Map(RouteGroupBuilder providers) =>
        providers.MapDelete("/{id}", Handle)
            .WithName("Providers.Delete")
            .WithSummary("Remove a provider and its credential. Models that are served by it must be removed or moved first.")
            .Requires(CrewSource.None, "providers:write")
            .WorkspaceLevel()
            .Audited("provider.deleted")
            .Refuses("provider_in_use");

    private static async Task<Reply<ProviderAnswer>> Handle(string id, Call call, Store store, CancellationToken cancel)
    {
        var deleted = await store.ChangeAsync<Provider>(call.Tenant, call.Origin, async db =>
        {
            var found = await ProviderAccess.FindAsync(db, call, id, toChange: true);
            if (found.Failed(out var missing))
            {
                return missing;
            }

            var provider = found.Value;
            if (call.CheckVersion(provider.Version) is { } stale)
            {
                return stale;
            }

            var models = await db.Set<Model>().AsNoTracking().Where(m => m.OwnerId == provider.OwnerId).ToListAsync();
            if (models.Any(m => m.ReadTargets().Any(t => t.ProviderId == id)))
            {
                return GatewayFaults.ProviderInUse;
            }

            db.Remove(provider);
            db.Raise(ProviderAccess.Happened(provider, "provider.deleted"));
            ProviderAccess.Touch(db, provider);
            return provider;
        }, cancel);
        return deleted.Failed(out var refused) ? refused : ProviderAnswer.Of(deleted.Value);
    }
}
