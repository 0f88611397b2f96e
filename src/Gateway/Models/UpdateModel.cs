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
    internal sealed record Request(IReadOnlyList<NewTarget>? Targets, JsonElement PricePerMillionUsd, int? ContextWindow, int? MaxOutputTokens)
    {
        public JsonElement PricePerUnitUsd { get; init; }

        public JsonElement MaxImageTokens { get; init; }
    }

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

        if ((Reprice(model, request, changes) ?? Bound(model, request.MaxImageTokens)) is { } mispriced)
        {
            return mispriced;
        }

        model.ContextWindow = request.ContextWindow ?? model.ContextWindow;
        model.MaxOutputTokens = request.MaxOutputTokens ?? model.MaxOutputTokens;
        db.Raise(ModelDraft.Happened(model, "model.updated", changes));
        return null;
    }

    private static Fault? Reprice(Model model, Request request, List<FieldChange> changes)
    {
        if (request is { PricePerMillionUsd.ValueKind: JsonValueKind.Undefined, PricePerUnitUsd.ValueKind: JsonValueKind.Undefined })
        {
            return null;
        }

        var before = model.Prices();
        var (tokens, units) = (before is null ? null : PriceTexts.Show(before), before?.Units?.Show());
        if (!TryRead(request.PricePerMillionUsd, ref tokens))
        {
            return Faults.Invalid("price_per_million_usd",
                "price_per_million_usd must hold the texts input and output, and may hold cache_read, cache_write, audio_input, audio_output, image_input, "
                + "image_output, above and service_tiers.");
        }

        if (!TryRead(request.PricePerUnitUsd, ref units))
        {
            return Faults.Invalid("price_per_unit_usd", "price_per_unit_usd may hold the texts image, second and character, and images, a list of size, quality and usd.");
        }

        var prices = PriceTexts.Parse(tokens, units);
        if (prices.Failed(out var fault))
        {
            return fault;
        }

        model.Reprice(prices.Value);
        changes.Add(new FieldChange("price_per_million_usd", before?.Describe(), prices.Value?.Describe()));
        return null;
    }

    /// <summary>What is left out stays; null is unknown.</summary>
    private static bool TryRead<T>(JsonElement given, ref T? texts)
        where T : class
    {
        try
        {
            texts = given.ValueKind switch
            {
                JsonValueKind.Undefined => texts,
                JsonValueKind.Null => null,
                _ => given.Deserialize<T>(ApiJson.Options),
            };
            return true;
        }
        catch (JsonException)
        {
            return false;
        }
    }

    private static Fault? Bound(Model model, JsonElement given)
    {
        if (given.ValueKind is JsonValueKind.Undefined or JsonValueKind.Null)
        {
            model.MaxImageTokens = given.ValueKind == JsonValueKind.Null ? null : model.MaxImageTokens;
            return null;
        }

        var isNumber = given.ValueKind == JsonValueKind.Number && given.TryGetInt32(out var tokens) && ModelDraft.Limits(null, null, tokens) is null;
        model.MaxImageTokens = isNumber ? given.GetInt32() : model.MaxImageTokens;
        return isNumber ? null : ModelDraft.Limits(null, null, 0);
    }
}
