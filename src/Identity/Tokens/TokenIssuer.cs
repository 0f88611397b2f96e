using Crew.Storage;

namespace Crew.Identity.Tokens;

/// <summary>Makes access tokens. The issuer's name is the server's own address, never what a request says of it.</summary>
internal sealed class TokenIssuer(TokenOptions options, SigningKeys signers, Store store)
{
    /// <summary><c>iss</c> and <c>aud</c> of every token.</summary>
    public string Name { get; } = options.PublicUrl.ToString().TrimEnd('/');

    /// <summary>The answer that carries a new access token, and the refresh token that goes with it.</summary>
    public TokenAnswer Issue(Standing standing, RefreshToken refresh)
    {
        var (family, caller, now) = (standing.Family, standing.Caller, store.Node.GetUtcNow());
        var end = now.AddSeconds(family.ExpiresInSeconds);
        end = caller.ExpiresAt < end ? caller.ExpiresAt.Value : end;
        return new TokenAnswer(family.Id, signers.Active().Sign(AccessToken.Type, AccessToken.Write(Name, family, caller, now, end)), refresh.Text.Reveal(), "Bearer",
            Math.Max(0, (int)(end.ToUnixTimeSeconds() - now.ToUnixTimeSeconds())), caller.Permissions.ToString(), family.Subject, caller.CrewId, family.EndsAt);
    }
}

/// <summary>What a client gets; the texts are in this answer and nowhere else.</summary>
internal sealed record TokenAnswer(
    string Id, string AccessToken, string RefreshToken, string TokenType, int ExpiresIn, string Scope, string Subject, string? CrewId, DateTimeOffset EndsAt);

/// <summary>The server's own address.</summary>
internal sealed record TokenOptions(Uri PublicUrl);
