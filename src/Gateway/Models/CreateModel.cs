using Crew.Gateway.Catalogue;
using Crew.Gateway.Metering;
using Crew.Gateway.Providers;
using Crew.Http;
using Crew.Kernel;
using Crew.Storage;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.EntityFrameworkCore;

namespace Crew.Gateway.Models;

internal static class CreateModel
{
    internal sealed record Request(
        string? Id, IReadOnlyList<NewTarget>? Targets, ModelPrices? PricePerMillionUsd, int? ContextWindow, int? MaxOutputTokens)
    {
        public UnitTexts? PricePerUnitUsd { get; init; }

        public int? MaxImageTokens { get; init; }
    }

    public static void Map(RouteGroupBuilder models) =>
        models.MapPost("/", Handle)
            .WithName("CatalogueModels.Create")
            .WithSummary("Add a model to the catalogue. Without a price it cannot be called under a budget.")
            .WithMetadata(new CreatedRoute())
            .Requires(CrewSource.None, "models:write")
            .WorkspaceLevel()
            .Audited("model.created")
            .Refuses("model_exists")
            .Example("""
                {"id": "gpt-5-mini", "targets": [{"provider_id": "prov_…", "upstream_model": "gpt-5-mini"}],
                "price_per_million_usd": {"input": "0.25", "output": "2.00"}, "max_output_tokens": 16384}
                """);

    private static async Task<Reply<ModelAnswer>> Handle(Body<Request> body, Call call, Store store, TimeProvider clock, CancellationToken cancel)
    {
        if (body.Fault is { } broken)
        {
            return broken;
        }

        var request = body.Value;
        if ((ModelDraft.Id(request.Id) ?? ModelDraft.Limits(request.ContextWindow, request.MaxOutputTokens, request.MaxImageTokens)) is { } wrong)
        {
            return wrong;
        }

        var prices = PriceTexts.Parse(request.PricePerMillionUsd, request.PricePerUnitUsd);
        if (prices.Failed(out var mispriced))
        {
            return mispriced;
        }

        var made = await store.ChangeAsync<VersionedModel>(call.Tenant, call.Origin, async db =>
        {
            var targets = await ModelDraft.TargetsAsync(db, call, request.Targets);
            if (targets.Failed(out var astray))
            {
                return astray;
            }

            var model = Make(request, targets.Value.Targets, targets.Value.First, prices.Value, clock.GetUtcNow());
            if (await db.Set<Model>().AnyAsync(m => m.OwnerId == model.OwnerId && m.Id == model.Id))
            {
                return GatewayFaults.ModelExists;
            }

            db.Add(model);
            db.Raise(ModelDraft.Happened(model, "model.created", new FieldChange("targets", null, model.Targets)));
            db.Touch(ModelCatalogue.FeedTopic, model.OwnerId);
            return await ModelDraft.ShowAsync(db, call, model);
        }, cancel);
        return made.Failed(out var refused) ? refused : Reply<ModelAnswer>.Created(made.Value.Answer, made.Value.Version);
    }

    private static Model Make(Request request, IReadOnlyList<ModelTarget> targets, Provider owner, PriceList? prices, DateTimeOffset now)
    {
        var model = new Model
        {
            Id = request.Id!,
            OwnerId = owner.OwnerId,
            OrganizationId = owner.OrganizationId,
            WorkspaceId = owner.WorkspaceId,
            Targets = Model.Write(targets),
            ContextWindow = request.ContextWindow,
            MaxOutputTokens = request.MaxOutputTokens,
            MaxImageTokens = request.MaxImageTokens,
            CreatedAt = now,
            UpdatedAt = now,
        };
        model.Reprice(prices);
        return model;
    }
}
