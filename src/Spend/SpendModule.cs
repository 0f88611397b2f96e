using Crew.Spend.Contracts;
using Microsoft.Extensions.DependencyInjection;

namespace Crew.Spend;

/// <summary>The door of the module: budgets, holds, the ledger.</summary>
public static class SpendModule
{
    public static IServiceCollection AddSpend(this IServiceCollection services) => services.AddSingleton<Ledger>();
}
