using System.Text.Json;
using Crew.Gateway.Catalogue;
using Crew.Gateway.Metering;
using Crew.Http;
using Crew.Kernel;
using Crew.Storage;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace Crew.Gateway.Models;

internal static class UpdateModel
{
    /// <summary>Fields that are left out stay; a price of null makes the price unknown.</summary>
    internal sealed record Request(IReadOnlyList<NewTarget>? Targets, JsonElement PricePerMillionUsd, int? ContextWindow, int? MaxOutputTokens);

    public static void Map(RouteGroupBuilder models) =>
        models.MapPatch("/{**id:minlength(1)}", Handle)
            .WithName("CatalogueModels.Update")
            .WithSummary("Change where a model is served, what it costs, and its limits.")
            .Requires(CrewSource.None, "models:write")
            .WorkspaceLevel()
            .Audited("model.updated")
            .Example("""{"max_output_tokens": 8192}""");

    private static async Task<Reply<ModelAnswer>> Handle(string id, Body<Request> body, Call call, Store store, TimeProvider clock, CancellationToken cancel)
    {
        if (body.Fault is { } broken)
        {
            return broken;
        }

        if (ModelDraft.Limits(body.Value.ContextWindow, body.Value.MaxOutputTokens) is { } wrong)
        {
            return wrong;
        }

        var changed = await store.ChangeAsync<VersionedModel>(call.Tenant, call.Origin, async db =>
        {
            var found = await ModelDraft.FindAsync(db, call, id, toChange: true);
            if (found.Failed(out var missing))
            {
                return missing;
            }

            var model = found.Value;
            if ((call.CheckVersion(model.Version) ?? await ApplyAsync(db, call, model, body.Value)) is { } refused)
            {
                return refused;
            }

            model.Version++;
            model.UpdatedAt = clock.GetUtcNow();
            db.Touch(ModelCatalogue.FeedTopic, model.OwnerId);
            return await ModelDraft.ShowAsync(db, call, model);
        }, cancel);
        return changed.Failed(out var fault) ? fault : Reply<ModelAnswer>.Ok(changed.Value.Answer, changed.Value.Version);
    }

    private static async Task<Fault?> ApplyAsync(Db db, Call call, Model model, Request request)
    {
        var changes = new List<FieldChange>();
        if (request.Targets is not null)
        {
            var targets = await ModelDraft.TargetsAsync(db, call, request.Targets);
            if (targets.Failed(out var astray))
            {
                return astray;
            }

            if (targets.Value.First.OwnerId != model.OwnerId)
            {
                return Faults.Invalid("targets", "The providers must have the owner that the model has. Make a new model for another owner.");
            }

            var after = Model.Write(targets.Value.Targets);
            changes.Add(new FieldChange("targets", model.Targets, after));
            model.Targets = after;
        }

        if (request.PricePerMillionUsd is { ValueKind: not JsonValueKind.Undefined } given && Reprice(model, given, changes) is { } mispriced)
        {
            return mispriced;
        }

        model.ContextWindow = request.ContextWindow ?? model.ContextWindow;
        model.MaxOutputTokens = request.MaxOutputTokens ?? model.MaxOutputTokens;
        db.Raise(ModelDraft.Happened(model, "model.updated", changes));
        return null;
    }

    private static Fault? Reprice(Model model, JsonElement given, List<FieldChange> changes)
    {
        PriceList? prices = null;
        if (given.ValueKind != JsonValueKind.Null)
        {
            ModelPrices? texts;
            try
            {
                texts = given.Deserialize<ModelPrices>(ApiJson.Options);
            }
            catch (JsonException)
            {
                return Faults.Invalid("price_per_million_usd", "price_per_million_usd must hold the texts input and output, and may hold cache_read and cache_write.");
            }

            var parsed = ModelDraft.Prices(texts);
            if (parsed.Failed(out var fault))
            {
                return fault;
            }

            prices = parsed.Value;
        }

        changes.Add(new FieldChange("price_per_million_usd", model.InputNano?.ToString(), prices?.Input.ToString()));
        (model.InputNano, model.OutputNano, model.CacheReadNano, model.CacheWriteNano) =
            (prices?.Input, prices?.Output, prices?.CacheRead, prices?.CacheWrite);
        return null;
    }
}
