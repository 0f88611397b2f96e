using Crew.Http;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace Crew.Identity.Tokens;

/// <summary>The public keys of access tokens, for those who want to read one. Only this server can say whether it still holds.</summary>
internal static class Jwks
{
    /// <summary>Less than the time that a key is published before it signs.</summary>
    private const int CacheSeconds = 300;

    public static void Map(IEndpointRouteBuilder app) =>
        app.MapGet("/.well-known/jwks.json", (SigningKeys keys, HttpContext http) =>
        {
            http.Response.Headers.CacheControl = $"public, max-age={CacheSeconds}";
            return Results.Text(keys.ToJwks(), "application/json");
        })
            .WithName("Tokens.Keys")
            .WithSummary("The public keys of access tokens as a JSON Web Key Set.")
            .WithTags("User tokens")
            .AllowsAnonymous();
}
