using Crew.Http;
using Crew.Identity.Access;
using Crew.Identity.Accounts;
using Crew.Identity.Contracts;
using Crew.Identity.Invitations;
using Crew.Identity.Letters;
using Crew.Identity.Lockdown;
using Crew.Identity.Mfa;
using Crew.Identity.Pages;
using Crew.Identity.Passkeys;
using Crew.Identity.Sessions;
using Crew.Identity.SignIn;
using Crew.Identity.Tokens;
using Crew.Kernel;
using Crew.Mail;
using Crew.Sealing;
using Crew.Storage;
using Crew.Tenancy.Contracts;
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
    /// <param name="mail">Where mail is handed over; null for nowhere.</param>
    public static IServiceCollection AddIdentity(this IServiceCollection services, Uri publicUrl, SmtpSettings? mail)
    {
        services.AddSingleton(new IdentityOptions { PublicUrl = publicUrl });
        services.AddSingleton(s => new BearerMint(new Lazy<StoredKeys>(s.GetRequiredService<StoredKeys>)));
        services.AddSingleton(s => new IdentitySeal(new Lazy<StoredKeys>(s.GetRequiredService<StoredKeys>)));
        services.AddSingleton<Tickets>();
        services.AddSingleton(s => new SignInLinks(
            s.GetRequiredService<Store>(), s.GetRequiredService<Tickets>(), s.GetRequiredService<PeopleRegister>(), s.GetRequiredService<IdentityOptions>()));
        services.AddSingleton<PasswordDesk>();
        services.AddHostedService(s => s.GetRequiredService<PasswordDesk>());
        services.AddSingleton<SessionIndex>();
        services.AddHostedService(s => s.GetRequiredService<SessionIndex>());
        services.AddSingleton<SessionBook>();
        services.AddSingleton<SessionScheme>();
        services.AddSingleton<ISessionScheme>(s => s.GetRequiredService<SessionScheme>());
        services.AddSingleton<IExpiry, SessionExpiry>();
        services.AddSingleton<PeopleOf>();
        services.AddSingleton<Throttle>();
        services.AddSingleton<SharedThrottle>();
        services.AddSingleton<Entry>();
        services.AddSingleton<PasswordSignIn>();
        services.AddSingleton<SecondFactor>();
        services.AddSingleton<PasskeyVerifier>();
        services.AddSingleton<Challenges>();
        services.AddSingleton<PasskeyBook>();
        services.AddSingleton<PasskeyUse>();
        services.AddSingleton<Visits>();
        services.AddSingleton(s => new LetterQueue(
            mail, s.GetRequiredService<IdentitySeal>(), s.GetRequiredService<PeopleRegister>(), s.GetRequiredService<IdentityOptions>(), s.GetRequiredService<TimeProvider>()));
        services.AddSingleton<LetterDesk>();
        services.AddSingleton(s => new Post(
            mail, s.GetRequiredService<Store>(), s.GetRequiredService<LetterQueue>(), s.GetRequiredService<LetterDesk>(), s.GetRequiredService<TimeProvider>()));
        services.AddHostedService(s => s.GetRequiredService<Post>());
        services.AddSingleton<InvitationBook>();
        services.AddSingleton<Invitees>();
        services.AddSingleton(s => new ReviewMaker(
            s.GetRequiredService<Store>(), s.GetRequiredService<Store>().Election, s.GetRequiredService<PeopleDirectory>(), s.GetRequiredService<IWorkspaceDirectory>()));
        services.AddHostedService<ReviewLoop>();
        services.AddSingleton<IExpiry, ReviewExpiry>();
        AddTokens(services, publicUrl);
        return services;
    }

    private static void AddTokens(IServiceCollection services, Uri publicUrl)
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
        services.AddSingleton<IHoldings, TokenHoldings>();
        services.AddSingleton<TokenScheme>();
        services.AddSingleton<ICredentialScheme>(s => s.GetRequiredService<TokenScheme>());
        services.AddSingleton<IPrincipalSource, TokenPrincipals>();
        services.AddSingleton<IExpiry, TokenExpiry>();
    }

    /// <summary>
    /// Has people and sessions follow the change feed, and loads the keys that sign tokens; call after the store has started and before the
    /// first request.
    /// </summary>
    public static Task<Fault?> StartIdentityAsync(this IServiceProvider services, CancellationToken cancel)
    {
        services.GetRequiredService<PeopleDirectory>();
        services.GetRequiredService<SessionIndex>();
        return services.GetRequiredService<SigningKeys>().StartAsync(cancel);
    }

    public static void MapIdentity(this IEndpointRouteBuilder app)
    {
        var tokens = app.MapGroup("/v1/auth/tokens").WithTags("User tokens");
        IssueTokens.Map(tokens);
        RefreshTokens.Map(tokens);
        RevokeTokens.Map(tokens);
        ReadTokens.Map(tokens);
        Jwks.Map(app);
        LockDownWorkspace.Map(app.MapGroup("/v1/workspaces").WithTags("Workspaces"));
        CrewAccess.Map(app);
        ReviewRoutes.Map(app.MapGroup("/v1/access-reviews").WithTags("Access"));
        SessionRoutes.Map(app.MapGroup("/v1/sessions").WithTags("Sessions"));
        PasskeyRoutes.Map(app);
        ResetFactors.Map(app.MapGroup("/v1/members").WithTags("Members"));
        InvitationRoutes.Map(app.MapGroup("/v1/invitations").WithTags("Invitations"));
        var pages = app.MapGroup("").WithTags("Pages");
        pages.ExcludeFromDescription();
        AssetRoutes.Map(pages);
        SignInPage.Map(pages);
        PasskeyPages.Map(pages);
        EmailPages.Map(pages);
        WelcomePage.Map(pages);
        AccountPage.Map(pages);
        PasswordPages.Map(pages);
        FactorPages.Map(pages);
        ResetPages.Map(pages);
        InvitePage.Map(pages);
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
            QueuedLetter.Map(model);
            FailureCount.Map(model);
            SigningKey.Map(model);
            TokenFamily.Map(model);
            AccessReview.Map(model);
            ReviewItem.Map(model);
        }
    }
}
