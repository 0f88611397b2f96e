using System.ComponentModel;
using System.ComponentModel.DataAnnotations;
using Crew.Http;
using Crew.Kernel;
using Crew.Storage;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.EntityFrameworkCore;

namespace Crew.Identity.Tokens;

/// <summary>
/// A refresh token works once. Whoever sends it again within ten seconds, before its successor was used, has lost a race or a reply and
/// gets that same successor; later, or after its use, the text is in two hands, and the whole family ends (RFC 9700 section 4.14.2).
/// </summary>
internal static class RefreshTokens
{
    public const int GraceSeconds = 10;

    internal sealed record Request([property: Required, Description("The latest refresh token of the family.")] string? RefreshToken);

    private enum Move
    {
        Advanced,
        Repeated,
        Reused,
    }

    public static void Map(RouteGroupBuilder tokens) =>
        tokens.MapPost("/refresh", Handle)
            .WithName("Tokens.Refresh")
            .WithSummary("Exchange a refresh token for the next one and a new access token. Needs no Authorization header.")
            .WithMetadata(new NotIdempotentRoute(), new ProvesItselfRoute())
            .AllowsAnonymous()
            .Audited("token.refreshed", "token.reused", "token.revoked")
            .Refuses("invalid_token", "expired_token", "ip_not_allowed", "workspace_suspended", "origin_not_allowed", "node_cut_off")
            .Example("""{"refresh_token": "crew_rt_…"}""");

    private static async Task<Reply<TokenAnswer>> Handle(
        Body<Request> body, Call call, Store store, RefreshText texts, TokenDoor door, TokenIssuer issuer, CancellationToken cancel)
    {
        if (body.Fault is { } broken)
        {
            return broken;
        }

        if (body.Value.RefreshToken is null)
        {
            return Faults.Invalid("refresh_token", "refresh_token must be the text that came with the last access token.");
        }

        if (!texts.TryRead(body.Value.RefreshToken, out var token))
        {
            return door.Refuse(call, TokenFaults.Invalid);
        }

        var entered = await door.EnterAsync(call, token.FamilyId, cancel);
        if (entered.Failed(out var refused))
        {
            return refused;
        }

        var (family, next) = (entered.Value.Family, texts.Successor(token));
        var moved = await store.ChangeAsync(family.Tenant, call.OriginOf(family.Actor, family.Revoked), db => MoveAsync(db, token, next, store.Node.GetUtcNow()), cancel);
        if (moved.Failed(out var unmoved))
        {
            return unmoved;
        }

        return moved.Value == Move.Reused ? TokenFaults.Reused : Reply<TokenAnswer>.Secret(issuer.Issue(entered.Value, next));
    }

    private static async Task<Outcome<Move>> MoveAsync(Db db, RefreshToken token, RefreshToken next, DateTimeOffset now)
    {
        if (await RefreshAppend.MoveAsync(db, token, next, now))
        {
            db.Raise(new Event("token.refreshed", new Resource("token", token.FamilyId)));
            return Move.Advanced;
        }

        if (await db.Set<TokenFamily>().AsNoTracking().SingleOrDefaultAsync(f => f.Id == token.FamilyId) is not { } family)
        {
            return TokenFaults.Invalid;
        }

        if (family.RevokedAt is not null || family.EndsAt <= now)
        {
            return family.RevokedAt is not null ? TokenFaults.Revoked : TokenFaults.Expired;
        }

        if (family.Number == next.Number && family.LatestHash == next.Hash && now <= family.RefreshedAt.AddSeconds(GraceSeconds))
        {
            db.Raise(new Event("token.refreshed", new Resource("token", token.FamilyId)) { Reason = "repeated" });
            return Move.Repeated;
        }

        if (family.Number <= token.Number)
        {
            // The database is older than the token: a backup was restored. Nobody has stolen anything, but nothing can be vouched for.
            return TokenFaults.Invalid;
        }

        db.Raise(new Event("token.reused", new Resource("token", token.FamilyId)) { Outcome = "denied" });
        await RevokeTokens.RevokeAsync(db, token.FamilyId, "reused", now);
        return Move.Reused;
    }
}
