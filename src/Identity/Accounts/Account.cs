using Crew.Storage;
using Microsoft.EntityFrameworkCore;

namespace Crew.Identity.Accounts;

/// <summary>How a person proves who they are, beside passkeys. Made at the first sign-in.</summary>
[InstallationOwned("A person may belong to several organizations and signs in once.")]
internal sealed class Account
{
    public required string UserId { get; init; }

    /// <summary>PBKDF2 with its parameters; null for a person without a password.</summary>
    public string? PasswordHash { get; set; }

    public DateTimeOffset? PasswordChangedAt { get; set; }

    /// <summary>The confirmed TOTP secret, sealed.</summary>
    public byte[]? TotpSealed { get; set; }

    /// <summary>The last time step whose code was taken: no code is taken twice (RFC 6238 section 5.2).</summary>
    public long TotpStep { get; set; }

    /// <summary>Hashes of the recovery codes that are left.</summary>
    public required IReadOnlyList<string> RecoveryHashes { get; set; }

    /// <summary>From when on a missing second factor is no longer let pass, once a workspace has asked for one.</summary>
    public DateTimeOffset? MfaDueAt { get; set; }

    public required DateTimeOffset CreatedAt { get; init; }

    public long Version { get; set; } = 1;

    public static void Map(ModelBuilder model) => model.Entity<Account>(account =>
    {
        account.ToTable("identity_accounts");
        account.HasKey(a => a.UserId);
        account.Property(a => a.Version).IsConcurrencyToken();
    });
}
