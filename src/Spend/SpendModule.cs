using Crew.Kernel;
using Crew.Spend.Contracts;
using Crew.Storage;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;

namespace Crew.Spend;

/// <summary>Budgets, holds, the ledger and what is read from it.</summary>
public static class SpendModule
{
    public static StoragePart Part { get; } = new SpendPart();

    public static IServiceCollection AddSpend(this IServiceCollection services)
    {
        services.AddSingleton(new SpendOptions());
        services.AddSingleton<LeaseStore>();
        services.AddSingleton(s => new LeaseDesk(
            s.GetRequiredService<LeaseStore>().WriteAsync, s.GetRequiredService<SpendOptions>(), s.GetRequiredService<TimeProvider>()));
        services.AddSingleton(s => new Ledger(
            s.GetRequiredService<LeaseDesk>(), s.GetRequiredService<SpendOptions>(), s.GetRequiredService<TimeProvider>()));
        services.AddSingleton<LedgerKeeper>();
        services.AddHostedService(s => s.GetRequiredService<LedgerKeeper>());
        services.AddSingleton<KeyBudgets>();
        return services;
    }

    public static Task<Outcome<bool>> StartSpendAsync(this IServiceProvider services, CancellationToken cancel) =>
        services.GetRequiredService<LedgerKeeper>().OpenAsync(cancel);

    private sealed class SpendPart : StoragePart
    {
        public override string Name => "spend";

        public override void Map(ModelBuilder model)
        {
            Budget.Map(model);
            Lease.Map(model);
            ProcessEpoch.Map(model);
            AttemptRecord.Map(model);
        }
    }
}
