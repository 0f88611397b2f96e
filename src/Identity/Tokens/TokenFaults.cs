using Crew.Kernel;

namespace Crew.Identity.Tokens;

/// <summary>Refusals about user tokens.</summary>
internal static class TokenFaults
{
    /// <summary>The same for a text that is none and for one that another server has made.</summary>
    public static readonly Fault Invalid = new("invalid_token", 401,
        "This is not a token of this installation that can be accepted. Get a new one: refresh it, or have your server mint one at POST /v1/auth/tokens.");

    public static readonly Fault Revoked = Faults.TokenRevoked;

    public static readonly Fault Reused = Because("reused",
        "This refresh token was used before, so a copy of it may be in other hands. All tokens of its family are revoked. Have your server mint new ones at POST /v1/auth/tokens.");

    public static readonly Fault PersonGone = Because("person", "The person whom this token stands for does not belong to this workspace any more.");

    public static readonly Fault Expired = new("expired_token", 401,
        "This token has expired. Refresh it at POST /v1/auth/tokens/refresh, or have your server mint a new one.");

    public static readonly Fault OnlyByKeys = new Fault("insufficient_permissions", 403,
        "Tokens are minted by API keys, so that they end with the key that made them. Call with a key that carries tokens:create.").With("required", "tokens:create");

    public static readonly Fault OnlyForThemselves = new Fault("insufficient_permissions", 403,
        "A key that follows a person mints tokens for that person only (user_id). Use a service key to mint them for others.").With("required", "tokens:create").At("user_id");

    public static Fault Beyond(string permission) => new Fault("insufficient_permissions", 403,
        $"A token cannot give more than the key that mints it, and this key lacks {permission}. Ask for less, or use a key with more rights.")
        .With("required", permission).At("permissions");

    private static Fault Because(string reason, string message) => new Fault("invalid_token", 401, message).With("reason", reason);
}
