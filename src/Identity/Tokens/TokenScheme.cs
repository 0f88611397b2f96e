using System.Net;
using Crew.Http;
using Crew.Kernel;
using Crew.Sealing;
using Crew.Storage;

namespace Crew.Identity.Tokens;

/// <summary>Access tokens as credentials: the signature once, then everything that may end a token on every use.</summary>
internal sealed class TokenScheme(
    Store store, StoredKeys keys, SigningKeys signers, TokenFamilies families, TokenStanding standing, TokenCache cache, TokenIssuer issuer, TimeProvider clock)
    : ICredentialScheme
{
    public bool Accepts(ReadOnlySpan<char> credential) => CompactJws.HasForm(credential);

    public ValueTask<Verification> VerifyAsync(string credential, CancellationToken cancel) =>
        Verify(credential) is { } verified ? JudgeAsync(verified, cancel) : ValueTask.FromResult(new Verification(null, TokenFaults.Invalid));

    public void Used(Caller caller, string endpoint, int status, IPAddress address, DateTimeOffset at)
    {
        // What a token does is counted for its key's lineage by the rate limiter, the ledger and the audit log; there is no mark of its own.
    }

    /// <summary>Ends the whole family: who has read the access token may have read what came with it.</summary>
    public async ValueTask LeakedAsync(Caller caller, Origin origin, string reason) =>
        await store.ChangeAsync<bool>(caller.Tenant, origin, db => RevokeTokens.RevokeAsync(db, caller.Actor.Id, reason, clock.GetUtcNow()), CancellationToken.None);

    /// <summary>A token that this server has signed, whether or not it may still be used; null for anything else.</summary>
    public VerifiedToken? Verify(string text)
    {
        if (text.Length > CompactJws.MostCharacters)
        {
            return null;
        }

        var mark = Fingerprint.Of(keys.Ring.Version(KeyScope.Installation, WrappedKey.InstallationId, 1)!.Derive("access token mark"), text);
        if (cache.Find(mark) is { } known)
        {
            return known;
        }

        if (!CompactJws.TryRead(text, out var jws) || signers.Find(jws.KeyId) is not { } signer || !signer.Verify(jws)
            || AccessToken.Read(jws, issuer.Name) is not { } token)
        {
            return null;
        }

        var verified = new VerifiedToken(token);
        cache.Add(mark, verified);
        return verified;
    }

    private async ValueTask<Verification> JudgeAsync(VerifiedToken verified, CancellationToken cancel)
    {
        if (await families.FindAsync(verified.Token.FamilyId, cancel) is not { } family)
        {
            return new Verification(null, TokenFaults.Invalid);
        }

        var judged = await standing.OfAsync(family, verified.Token.ExpiresAt, verified.Standing, cancel);
        if (judged.Failed(out var fault))
        {
            return new Verification(null, fault, family.Tenant, family.Actor);
        }

        verified.Standing = judged.Value;
        return new Verification(judged.Value.Caller, null);
    }
}
