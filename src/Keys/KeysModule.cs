using Crew.Http;
using Crew.Keys.Contracts;
using Crew.Storage;
using Crew.Tenancy.Contracts;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;

namespace Crew.Keys;

/// <summary>API keys: mint, list, roll, revoke, verify.</summary>
public static class KeysModule
{
    public static StoragePart Part { get; } = new KeysPart();

    /// <param name="services">The services of the host.</param>
    /// <param name="gitHubKeysFrom">Where the public keys of GitHub's secret scanning come from: an address, or the path of a file; null takes no reports of it.</param>
    public static IServiceCollection AddKeys(this IServiceCollection services, string? gitHubKeysFrom = null)
    {
        services.AddSingleton(new GitHubKeysOptions(gitHubKeysFrom));
        services.AddSingleton<GitHubKeys>();
        services.AddSingleton<LeakedKeys>();
        services.AddSingleton<KeyMint>();
        services.AddSingleton<KeyIndex>();
        services.AddSingleton<Spend.Contracts.IKeyLineages, KeyLineages>();
        services.AddSingleton<KeyMarks>();
        services.AddHostedService(s => s.GetRequiredService<KeyMarks>());
        services.AddSingleton<IExpiry, KeyUsageExpiry>();
        services.AddSingleton<PersonalKeys>();
        services.AddSingleton<IHoldings, PersonalKeyHoldings>();
        services.AddSingleton<KeyScheme>();
        services.AddSingleton<ICredentialScheme>(s => s.GetRequiredService<KeyScheme>());
        services.AddSingleton<IPrincipalSource, KeyPrincipals>();
        services.AddSingleton(s => new IssuingKeys(s.GetRequiredService<KeyIndex>(), s.GetRequiredService<KeyScheme>()));
        services.AddSingleton(s => new OperatorKeys(s.GetRequiredService<Store>(), s.GetRequiredService<KeyMint>(), s.GetRequiredService<TimeProvider>()));
        services.AddSingleton(s => new KeyImport(
            s.GetRequiredService<KeyMint>(), s.GetRequiredService<Spend.Contracts.KeyBudgets>(), s.GetRequiredService<TimeProvider>()));
        return services;
    }

    /// <summary>Loads the fingerprints; call after the store has started and before the first request.</summary>
    public static Task StartKeysAsync(this IServiceProvider services, CancellationToken cancel) => services.GetRequiredService<KeyIndex>().StartAsync(cancel);

    public static void MapKeys(this IEndpointRouteBuilder app)
    {
        var keys = app.MapGroup("/v1/api-keys").WithTags("API keys");
        CreateKey.Map(keys);
        ReadKeys.Map(keys);
        UpdateKey.Map(keys);
        RollKey.Map(keys);
        RevokeKey.Map(keys);
        KeyReports.Map(keys);
        KeyTree.Map(keys);
        ReportLeaks.Map(keys);
        GitHubReports.Map(keys);
    }

    private sealed class KeysPart : StoragePart
    {
        public override string Name => "keys";

        public override void Map(ModelBuilder model)
        {
            ApiKey.Map(model);
            KeyUsage.Map(model);
        }
    }
}
