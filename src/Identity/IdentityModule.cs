using Crew.Http;
using Crew.Identity.Accounts;
using Crew.Identity.Invitations;
using Crew.Identity.Mfa;
using Crew.Identity.Sessions;
using Crew.Identity.Tokens;
using Crew.Kernel;
using Crew.Sealing;
using Crew.Storage;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;

namespace Crew.Identity;

/// <summary>People signing in: accounts, sessions, second factors, invitations.</summary>
public static class IdentityModule
{
    public static StoragePart Part { get; } = new IdentityPart();

    /// <param name="services">The services of the host.</param>
    /// <param name="publicUrl">The server's own address: the only source of links, and the issuer of tokens.</param>
    public static IServiceCollection AddIdentity(this IServiceCollection services, Uri publicUrl)
    {
        services.AddSingleton(new TokenOptions(publicUrl));
        services.AddSingleton(s => new SigningKeys(s.GetRequiredService<Store>(), new Lazy<StoredKeys>(s.GetRequiredService<StoredKeys>)));
        services.AddHostedService<SigningKeyLoop>();
        services.AddSingleton<RefreshText>();
        services.AddSingleton<TokenFamilies>();
        services.AddSingleton<TokenStanding>();
        services.AddSingleton<TokenIssuer>();
        services.AddSingleton<TokenCache>();
        services.AddSingleton<TokenDoor>();
        services.AddSingleton<TokenScheme>();
        services.AddSingleton<ICredentialScheme>(s => s.GetRequiredService<TokenScheme>());
        services.AddSingleton<IExpiry, TokenExpiry>();
        return services;
    }

    /// <summary>Loads the keys that sign tokens; call after the store has started and before the first request.</summary>
    public static Task<Fault?> StartIdentityAsync(this IServiceProvider services, CancellationToken cancel) => services.GetRequiredService<SigningKeys>().StartAsync(cancel);

    public static void MapIdentity(this IEndpointRouteBuilder app)
    {
        var tokens = app.MapGroup("/v1/auth/tokens").WithTags("User tokens");
        IssueTokens.Map(tokens);
        RefreshTokens.Map(tokens);
        RevokeTokens.Map(tokens);
        ReadTokens.Map(tokens);
        Jwks.Map(app);
    }

    private sealed class IdentityPart : StoragePart
    {
        public override string Name => "identity";

        public override void Map(ModelBuilder model)
        {
            Account.Map(model);
            Passkey.Map(model);
            Session.Map(model);
            Ticket.Map(model);
            Invitation.Map(model);
            SigningKey.Map(model);
            TokenFamily.Map(model);
        }
    }
}
