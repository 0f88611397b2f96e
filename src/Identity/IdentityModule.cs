using Crew.Identity.Accounts;
using Crew.Identity.Invitations;
using Crew.Identity.Mfa;
using Crew.Identity.Sessions;
using Crew.Storage;
using Microsoft.AspNetCore.Routing;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;

namespace Crew.Identity;

/// <summary>People signing in: accounts, sessions, second factors, invitations.</summary>
public static class IdentityModule
{
    public static StoragePart Part { get; } = new IdentityPart();

    public static IServiceCollection AddIdentity(this IServiceCollection services) => services;

    public static void MapIdentity(this IEndpointRouteBuilder app) => _ = app;

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
        }
    }
}
