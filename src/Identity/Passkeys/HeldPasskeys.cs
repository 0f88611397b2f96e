using System.Buffers.Text;
using Microsoft.AspNetCore.Identity;

namespace Crew.Identity.Passkeys;

/// <summary>A person and the passkeys that a ceremony is about.</summary>
internal sealed record PasskeyHolder(string UserId, string Name, IReadOnlyList<Passkey> Passkeys);

/// <summary>
/// The one person of a ceremony as the framework's verifier wants to see them. All was read before, and nothing is written here: what the verifier
/// returns is applied in the transaction of what it is for, and a database that does not answer is told from an answer that is wrong.
/// </summary>
internal sealed class HeldPasskeys(PasskeyHolder? holder) : IUserPasskeyStore<PasskeyHolder>
{
    public Task<IList<UserPasskeyInfo>> GetPasskeysAsync(PasskeyHolder user, CancellationToken cancellationToken) =>
        Task.FromResult<IList<UserPasskeyInfo>>([.. user.Passkeys.Select(InfoOf)]);

    public Task<UserPasskeyInfo?> FindPasskeyAsync(PasskeyHolder user, byte[] credentialId, CancellationToken cancellationToken)
    {
        var id = Base64Url.EncodeToString(credentialId);
        return Task.FromResult(user.Passkeys.Where(p => p.CredentialId == id).Select(InfoOf).SingleOrDefault());
    }

    /// <summary>Whether somebody has the credential already is asked when it is added, where two at one moment meet.</summary>
    public Task<PasskeyHolder?> FindByPasskeyIdAsync(byte[] credentialId, CancellationToken cancellationToken) => Task.FromResult<PasskeyHolder?>(null);

    public Task<PasskeyHolder?> FindByIdAsync(string userId, CancellationToken cancellationToken) => Task.FromResult(holder?.UserId == userId ? holder : null);

    public Task<string> GetUserIdAsync(PasskeyHolder user, CancellationToken cancellationToken) => Task.FromResult(user.UserId);

    public Task<string?> GetUserNameAsync(PasskeyHolder user, CancellationToken cancellationToken) => Task.FromResult<string?>(user.Name);

    public Task AddOrUpdatePasskeyAsync(PasskeyHolder user, UserPasskeyInfo passkey, CancellationToken cancellationToken) => throw Unasked();

    public Task RemovePasskeyAsync(PasskeyHolder user, byte[] credentialId, CancellationToken cancellationToken) => throw Unasked();

    public Task SetUserNameAsync(PasskeyHolder user, string? userName, CancellationToken cancellationToken) => throw Unasked();

    public Task<string?> GetNormalizedUserNameAsync(PasskeyHolder user, CancellationToken cancellationToken) => throw Unasked();

    public Task SetNormalizedUserNameAsync(PasskeyHolder user, string? normalizedName, CancellationToken cancellationToken) => throw Unasked();

    public Task<IdentityResult> CreateAsync(PasskeyHolder user, CancellationToken cancellationToken) => throw Unasked();

    public Task<IdentityResult> UpdateAsync(PasskeyHolder user, CancellationToken cancellationToken) => throw Unasked();

    public Task<IdentityResult> DeleteAsync(PasskeyHolder user, CancellationToken cancellationToken) => throw Unasked();

    public Task<PasskeyHolder?> FindByNameAsync(string normalizedUserName, CancellationToken cancellationToken) => throw Unasked();

    public void Dispose()
    {
    }

    /// <summary>The count starts at nothing: it is compared where it is advanced, and a copy is told from any other refusal.</summary>
    private static UserPasskeyInfo InfoOf(Passkey passkey) => new(
        Base64Url.DecodeFromChars(passkey.CredentialId), passkey.PublicKey, passkey.CreatedAt, 0, [.. passkey.Transports], passkey.IsUserVerified,
        passkey.IsBackupEligible, passkey.IsBackedUp, passkey.AttestationObject, passkey.ClientDataJson);

    private static NotSupportedException Unasked() => new("Ceremonies neither look for people by name nor change anybody.");
}
