using Crew.Kernel;
using Crew.Spend.Contracts;
using Crew.Storage;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;

namespace Crew.Spend;

/// <summary>Budgets, holds, the ledger and what is read from it.</summary>
public static class SpendModule
{
    public static StoragePart Part { get; } = new SpendPart();

    /// <summary>Registers the module. Needs an <see cref="IKeyLineages"/> from the keys module.</summary>
    public static IServiceCollection AddSpend(this IServiceCollection services)
    {
        services.AddSingleton(new SpendOptions());
        services.AddSingleton<LeaseStore>();
        services.AddSingleton(s => LedgerKeeper.Desk(
            s.GetRequiredService<LeaseStore>(), s.GetRequiredService<SpendOptions>(), s.GetRequiredService<TimeProvider>()));
        services.AddSingleton(s => new Ledger(
            s.GetRequiredService<LeaseDesk>(), s.GetRequiredService<SpendOptions>(), s.GetRequiredService<TimeProvider>()));
        services.AddSingleton(s =>
        {
            var keeper = ActivatorUtilities.CreateInstance<LedgerKeeper>(s);
            s.GetRequiredService<Store>().Feed.Follow(LedgerKeeper.FeedTopic, keeper.ApplyAsync);
            s.GetRequiredService<Store>().Feed.Follow(LeaseAppend.RecallTopic, keeper.RecallAsync);
            return keeper;
        });
        services.AddHostedService(s => s.GetRequiredService<LedgerKeeper>());
        services.AddHostedService<LedgerWatch>();
        services.AddSingleton<ClientSeal>();
        services.AddSingleton<KeyBudgets>();
        services.AddSingleton(s => new OperatorBudgets(
            s.GetRequiredService<Store>(), s.GetRequiredService<SpendOptions>(), s.GetRequiredService<TimeProvider>()));
        services.AddSingleton<LedgerCheck>();
        services.AddSingleton<IExpiry, UsageExpiry>();
        return services;
    }

    /// <summary>
    /// Begins this process's epoch and loads the budgets; call after the store has started and before the first request. Until
    /// then every hold is refused.
    /// </summary>
    public static Task<Outcome<bool>> StartSpendAsync(this IServiceProvider services, CancellationToken cancel) =>
        services.GetRequiredService<LedgerKeeper>().OpenAsync(cancel);

    public static void MapSpend(this IEndpointRouteBuilder app)
    {
        var budgets = app.MapGroup("/v1/budgets").WithTags("Budgets");
        CreateBudget.Map(budgets);
        ReadBudgets.Map(budgets);
        UpdateBudget.Map(budgets);
        ExplainBudget.Map(budgets);
        var gateway = app.MapGroup("/v1/gateway").WithTags("Usage");
        SumUsage.Map(gateway);
        ExportUsage.Map(gateway);
        ListRequests.Map(gateway);
        ReadRequest.Map(gateway);
    }

    private sealed class SpendPart : StoragePart
    {
        public override string Name => "spend";

        public override void Map(ModelBuilder model)
        {
            Budget.Map(model);
            Lease.Map(model);
            ProcessEpoch.Map(model);
            AttemptRecord.Map(model);
            UsageDay.Map(model);
        }
    }
}
