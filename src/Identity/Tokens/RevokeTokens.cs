using System.ComponentModel;
using Crew.Http;
using Crew.Kernel;
using Crew.Storage;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.EntityFrameworkCore;

namespace Crew.Identity.Tokens;

/// <summary>Whoever holds a token may end it (RFC 7009): signing out.</summary>
internal static class RevokeTokens
{
    internal sealed record Request(
        [property: Description("Any refresh token of the family; give this or access_token.")] string? RefreshToken,
        [property: Description("Any access token of the family.")] string? AccessToken);

    internal sealed record Answer(bool Revoked);

    public static void Map(RouteGroupBuilder tokens) =>
        tokens.MapPost("/revoke", Handle)
            .WithName("Tokens.Revoke")
            .WithSummary("End the family of a token: no token of it is accepted after this has answered. A text that is no token gets the same answer.")
            .WithMetadata(new NotIdempotentRoute(), new ProvesItselfRoute())
            .AllowsAnonymous()
            .Audited("token.revoked")
            .Refuses("node_cut_off")
            .Example("""{"refresh_token": "crew_rt_…"}""");

    private static async Task<Reply<Answer>> Handle(
        Body<Request> body, Call call, Store store, RefreshText texts, TokenScheme scheme, TokenFamilies families, ProofLimits limits, CancellationToken cancel)
    {
        if (body.Fault is { } broken)
        {
            return broken;
        }

        if (body.Value.RefreshToken is null == body.Value.AccessToken is null)
        {
            return Faults.Invalid("refresh_token", "Give exactly one of refresh_token and access_token.");
        }

        var id = body.Value.RefreshToken is { } refresh
            ? texts.TryRead(refresh, out var token) ? token.FamilyId : null
            : scheme.Verify(body.Value.AccessToken!)?.Token.FamilyId;
        if (id is null || await families.FindAsync(id, cancel) is not { } family)
        {
            return limits.Failed(call) is { } limited ? limited : new Answer(true);
        }

        // Not cancelled by a client that leaves: it has asked for the end.
        var author = call.OriginOf(family.Actor, CancellationToken.None);
        var revoked = await store.ChangeAsync<bool>(family.Tenant, author, db => RevokeAsync(db, id, "signed_out", store.Node.GetUtcNow()), CancellationToken.None);
        return revoked.Failed(out var fault) ? fault : new Answer(true);
    }

    /// <summary>Ends a family; ending it twice changes nothing.</summary>
    public static async Task<Outcome<bool>> RevokeAsync(Db db, string familyId, string reason, DateTimeOffset now)
    {
        if (await db.Set<TokenFamily>().SingleOrDefaultAsync(f => f.Id == familyId) is not { } family)
        {
            return Faults.NotFound;
        }

        if (family.RevokedAt is null)
        {
            Mark(db, family, reason, now);
        }

        return true;
    }

    /// <summary>Ends a live family.</summary>
    public static void Mark(Db db, TokenFamily family, string reason, DateTimeOffset now)
    {
        (family.RevokedAt, family.RevokedReason) = (now, reason);
        db.Raise(new Event("token.revoked", new Resource("token", family.Id))
        {
            Tenant = new Tenant(family.OrganizationId, family.WorkspaceId),
            CrewId = family.CrewId,
            Reason = reason,
        });
        db.Touch(TokenFamilies.FeedTopic, family.Id);
    }
}
