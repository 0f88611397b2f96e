using Crew.Storage;
using Microsoft.EntityFrameworkCore;

namespace Crew.Identity.Passkeys;

/// <summary>A WebAuthn credential of a person.</summary>
[InstallationOwned("It signs a person in, whichever organizations they belong to.")]
internal sealed class Passkey
{
    public required string Id { get; init; }

    public required string UserId { get; init; }

    /// <summary>The credential's own id, base64url.</summary>
    public required string CredentialId { get; init; }

    public required byte[] PublicKey { get; init; }

    public required string Name { get; set; }

    /// <summary>Signatures that its authenticator has counted; one that goes back betrays a copy.</summary>
    public required long SignCount { get; set; }

    public required IReadOnlyList<string> Transports { get; init; }

    public required bool IsUserVerified { get; set; }

    public required bool IsBackupEligible { get; init; }

    public required bool IsBackedUp { get; set; }

    public required byte[] AttestationObject { get; init; }

    public required byte[] ClientDataJson { get; init; }

    public required DateTimeOffset CreatedAt { get; init; }

    public DateTimeOffset? LastUsedAt { get; set; }

    public static void Map(ModelBuilder model) => model.Entity<Passkey>(passkey =>
    {
        passkey.ToTable("identity_passkeys");
        passkey.HasKey(p => p.Id);
        passkey.Property(p => p.SignCount).IsConcurrencyToken();
        passkey.HasIndex(p => p.CredentialId).IsUnique().HasDatabaseName("identity_passkeys_credential");
        passkey.HasIndex(p => p.UserId).HasDatabaseName("identity_passkeys_user");
    });
}
