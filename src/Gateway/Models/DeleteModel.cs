using Crew.Gateway.Catalogue;
using Crew.Http;
using Crew.Storage;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace Crew.Gateway.Models;

internal static class DeleteModel
{
    public static void Map(RouteGroupBuilder models) =>
        models.MapDelete("/{**id:minlength(1)}", Handle)
            .WithName("CatalogueModels.Delete")
            .WithSummary("Take a model out of the catalogue. What was metered under its id stays.")
            .Requires(CrewSource.None, "models:write")
            .WorkspaceLevel()
            .Audited("model.deleted");

    private static async Task<Reply<ModelAnswer>> Handle(string id, Call call, Store store, CancellationToken cancel)
    {
        var deleted = await store.ChangeAsync<VersionedModel>(call.Tenant, call.Origin, async db =>
        {
            var found = await ModelDraft.FindAsync(db, call, id, toChange: true);
            if (found.Failed(out var missing))
            {
                return missing;
            }

            var model = found.Value;
            if (call.CheckVersion(model.Version) is { } stale)
            {
                return stale;
            }

            db.Remove(model);
            db.Raise(ModelDraft.Happened(model, "model.deleted"));
            db.Touch(ModelCatalogue.FeedTopic, model.OwnerId);
            return await ModelDraft.ShowAsync(db, call, model);
        }, cancel);
        return deleted.Failed(out var refused) ? refused : deleted.Value.Answer;
    }
}
