using Crew.Gateway.Calls;
using Crew.Gateway.Catalogue;
using Crew.Gateway.Contracts;
using Crew.Gateway.Models;
using Crew.Gateway.Prices;
using Crew.Gateway.Providers;
using Crew.Gateway.Routing;
using Crew.Storage;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;

namespace Crew.Gateway;

/// <summary>Providers, the catalogue of models, and the calls that pass through to them.</summary>
public static class GatewayModule
{
    public static StoragePart Part { get; } = new GatewayPart();

    /// <summary>Registers the module. Needs the spend module's <see cref="Spend.Contracts.Ledger"/>; register it after that one.</summary>
    public static IServiceCollection AddGateway(this IServiceCollection services)
    {
        services.TryAddSingleton(new GatewayOptions());
        services.AddSingleton<Heartbeat>();
        services.AddHostedService(s => s.GetRequiredService<Heartbeat>());
        services.AddSingleton(_ => AnswerMemory.OfThisMachine());
        services.AddSingleton<ProviderPool>();
        services.AddSingleton<ModelCatalogue>();
        services.AddSingleton(s => new OwedSettlements(new Lazy<Store>(s.GetRequiredService<Store>), s.GetRequiredService<TimeProvider>()));
        services.AddHostedService(s => s.GetRequiredService<OwedSettlements>());
        services.AddSingleton(s => new CutOffWatch(new Lazy<Store>(s.GetRequiredService<Store>), s.GetRequiredService<TimeProvider>()));
        services.AddHostedService(s => s.GetRequiredService<CutOffWatch>());
        services.AddHostedService(s => new CapWatch(
            new Lazy<Store>(s.GetRequiredService<Store>), s.GetRequiredService<ProviderPool>(), s.GetRequiredService<TimeProvider>()));
        services.AddSingleton(s => new DrainRoom(s.GetRequiredService<TimeProvider>()));
        services.AddHostedService(s => s.GetRequiredService<DrainRoom>());
        services.AddSingleton<UsageLimits>();
        services.AddSingleton<InferenceEndpoint>();
        services.AddSingleton<OperatorProviders>();
        services.AddSingleton<CatalogueImport>();
        services.AddSingleton<OperatorPrices>();
        return services;
    }

    public static void MapGateway(this IEndpointRouteBuilder app)
    {
        var providers = app.MapGroup("/v1/gateway/providers").WithTags("Providers");
        CreateProvider.Map(providers);
        ReadProviders.Map(providers);
        UpdateProvider.Map(providers);
        DeleteProvider.Map(providers);
        TestProvider.Map(providers);
        var models = app.MapGroup("/v1/gateway/models").WithTags("Catalogue");
        CreateModel.Map(models);
        ReadModels.Map(models);
        UpdateModel.Map(models);
        DeleteModel.Map(models);
        var prices = app.MapGroup("/v1/gateway/prices").WithTags("Catalogue");
        ExportPrices.Map(prices);
        ImportPrices.Map(prices);
        ListTargets.Map(app);
        ModelList.Map(app);
        InferenceRoutes.Map(app);
    }

    /// <summary>Follows the change feed from here on; call after the store has started and before the first request.</summary>
    public static Task StartGatewayAsync(this IServiceProvider services, CancellationToken cancel)
    {
        cancel.ThrowIfCancellationRequested();
        services.GetRequiredService<InferenceEndpoint>();
        return Task.CompletedTask;
    }

    private sealed class GatewayPart : StoragePart
    {
        public override string Name => "gateway";

        public override void Map(ModelBuilder model)
        {
            Provider.Map(model);
            Model.Map(model);
        }
    }
}
