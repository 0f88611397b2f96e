using Crew.Gateway.Providers;
using Crew.Http;
using Crew.Kernel;
using Crew.Storage;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.EntityFrameworkCore;

namespace Crew.Gateway.Models;

internal static class ReadModels
{
    public static void Map(RouteGroupBuilder models)
    {
        models.MapGet("/", ListAsync)
            .WithName("CatalogueModels.List")
            .WithSummary("List the models of this workspace and those that its organization shares with it.")
            .Requires(CrewSource.None, "models:read")
            .WorkspaceLevel();
        models.MapGet("/{**id:minlength(1)}", ReadAsync)
            .WithName("CatalogueModels.Read")
            .WithSummary("Read one model of the catalogue; its id may hold slashes.")
            .Requires(CrewSource.None, "models:read")
            .WorkspaceLevel();
    }

    private static async Task<Reply<PageReply<ModelAnswer>>> ListAsync(Paging paging, Call call, Store store, CancellationToken cancel)
    {
        if (paging.Fault is { } fault)
        {
            return fault;
        }

        var (rows, providers) = await store.ReadAsync(call.Tenant, async db =>
        {
            var visible = await ProviderAccess.VisibleAsync(db, call);
            var models = await db.Set<Model>().AsNoTracking().ToListAsync(cancel);
            return (models.Where(m => m.ReadTargets().Any(t => visible.Contains(t.ProviderId))).ToList(), visible);
        }, cancel);
        var page = rows.Select(m => (Model: m, Position: $"{m.Id}%{m.OwnerId}")).OrderBy(m => m.Position, StringComparer.Ordinal)
            .Where(m => paging.Cursor is null || string.CompareOrdinal(m.Position, paging.Cursor) > 0).Take(paging.Limit + 1).ToList();
        return new PageReply<ModelAnswer>(Page<(Model Model, string Position)>.From(page, paging.Limit, m => Paging.Encode(m.Position))
            .Select(m => ModelAnswer.Of(m.Model, providers)));
    }

    private static async Task<Reply<ModelAnswer>> ReadAsync(string id, Call call, Store store, CancellationToken cancel)
    {
        var shown = await store.ReadAsync<Outcome<VersionedModel>>(call.Tenant, async db =>
        {
            var found = await ModelDraft.FindAsync(db, call, id, toChange: false);
            return found.Failed(out var missing) ? missing : await ModelDraft.ShowAsync(db, call, found.Value);
        }, cancel);
        return shown.Failed(out var fault) ? fault : Reply<ModelAnswer>.Ok(shown.Value.Answer, shown.Value.Version);
    }
}
