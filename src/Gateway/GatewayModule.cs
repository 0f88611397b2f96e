using Crew.Gateway.Calls;
using Crew.Gateway.Catalogue;
using Crew.Gateway.Contracts;
using Crew.Gateway.Models;
using Crew.Gateway.Providers;
using Crew.Http;
using Crew.Storage;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;

namespace Crew.Gateway;

/// <summary>Providers, the catalogue of models, and the calls that pass through to them.</summary>
public static class GatewayModule
{
    public static StoragePart Part { get; } = new GatewayPart();

    /// <summary>Registers the module. Needs the spend module's <see cref="Spend.Contracts.Ledger"/>; register it after that one.</summary>
    public static IServiceCollection AddGateway(this IServiceCollection services)
    {
        services.AddSingleton<ProviderPool>();
        services.AddSingleton<ModelCatalogue>();
        services.AddSingleton(s => new OwedSettlements(new Lazy<Store>(s.GetRequiredService<Store>), s.GetRequiredService<TimeProvider>()));
        services.AddHostedService(s => s.GetRequiredService<OwedSettlements>());
        services.AddSingleton<DrainRoom>();
        services.AddHostedService(s => s.GetRequiredService<DrainRoom>());
        services.AddSingleton<ChatEndpoint>();
        services.AddSingleton<OperatorProviders>();
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
        ModelList.Map(app);
        app.MapPost("/v1/chat/completions", (RequestDelegate)(http => http.RequestServices.GetRequiredService<ChatEndpoint>().HandleAsync(http)))
            .WithName("Chat.Complete").WithSummary("A chat completion, in one piece or streamed, as OpenAI clients ask for it.").WithTags("Chat")
            .WithMetadata(new NotIdempotentRoute())
            .Requires(CrewSource.Header, "models:invoke")
            .PassesOn("A request as OpenAI's chat completions take it; fields that Crew does not govern are passed on unchanged.",
                "A chat completion in OpenAI's form, or server-sent events of its chunks with stream: true.")
            .Refuses("model_not_found", "model_not_priced", "insufficient_quota", "cost_not_boundable", "provider_unavailable", "provider_timeout",
                "provider_credentials_rejected", "invalid_value", "unknown_url")
            .Example("""{"model": "crew-sandbox-echo", "messages": [{"role": "user", "content": "Hello"}]}""");
    }

    /// <summary>Follows the change feed from here on; call after the store has started and before the first request.</summary>
    public static Task StartGatewayAsync(this IServiceProvider services, CancellationToken cancel)
    {
        cancel.ThrowIfCancellationRequested();
        services.GetRequiredService<ChatEndpoint>();
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
