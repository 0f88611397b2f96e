using Crew.Http;
using Crew.Kernel;
using Crew.Storage;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.EntityFrameworkCore;

namespace Crew.Gateway.Providers;

internal static class ReadProviders
{
    public static void Map(RouteGroupBuilder providers)
    {
        providers.MapGet("/", ListAsync)
            .WithName("Providers.List")
            .WithSummary("List the providers of this workspace and those that its organization shares with it.")
            .Requires(CrewSource.None, "providers:read")
            .WorkspaceLevel();
        providers.MapGet("/{id}", ReadAsync)
            .WithName("Providers.Read")
            .WithSummary("Read one provider.")
            .Requires(CrewSource.None, "providers:read")
            .WorkspaceLevel();
    }

    private static async Task<Reply<PageReply<ProviderAnswer>>> ListAsync(Paging paging, Call call, Store store, CancellationToken cancel)
    {
        if (paging.Fault is { } fault)
        {
            return fault;
        }

        // Sharing is a list inside the row, so it is judged here; providers are few.
        var rows = await store.ReadAsync(call.Tenant, db => db.Set<Provider>().AsNoTracking()
            .Where(p => paging.Cursor == null || string.Compare(p.Id, paging.Cursor) > 0)
            .OrderBy(p => p.Id).ToListAsync(cancel), cancel);
        var visible = rows.Where(p => ProviderAccess.Sees(call, p)).Take(paging.Limit + 1).ToList();
        return new PageReply<ProviderAnswer>(Page<Provider>.From(visible, paging.Limit, p => Paging.Encode(p.Id)).Select(ProviderAnswer.Of));
    }

    private static async Task<Reply<ProviderAnswer>> ReadAsync(string id, Call call, Store store, CancellationToken cancel)
    {
        var found = await store.ReadAsync(call.Tenant, db => ProviderAccess.FindAsync(db, call, id, toChange: false), cancel);
        return found.Failed(out var missing) ? missing : Reply<ProviderAnswer>.Ok(ProviderAnswer.Of(found.Value), found.Value.Version);
    }
}
