using Crew.Storage;
using Microsoft.EntityFrameworkCore;

namespace Crew.Identity.Accounts;

/// <summary>
/// Something that is good once and for a short time: a link that was sent or printed, or a step of a sign-in under way. Only the hash of
/// its text is kept.
/// </summary>
[InstallationOwned("It stands before any tenant is known.")]
internal sealed class Ticket
{
    public required string TokenHash { get; init; }

    public required TicketKind Kind { get; init; }

    public required string? UserId { get; init; }

    /// <summary>What the next step needs, sealed.</summary>
    public byte[]? PayloadSealed { get; init; }

    /// <summary>Whether its text went out by mail, so that its use shows who reads the address.</summary>
    public bool ByMail { get; init; }

    /// <summary>Wrong answers so far, where there are several tries.</summary>
    public int Failures { get; set; }

    public required DateTimeOffset CreatedAt { get; init; }

    public required DateTimeOffset ExpiresAt { get; init; }

    public DateTimeOffset? UsedAt { get; set; }

    public static void Map(ModelBuilder model) => model.Entity<Ticket>(ticket =>
    {
        ticket.ToTable("identity_tickets");
        ticket.HasKey(t => t.TokenHash);
        ticket.Property(t => t.Kind).HasConversion<string>();
        ticket.Property(t => t.Failures).IsConcurrencyToken();
        ticket.Property(t => t.UsedAt).IsConcurrencyToken();
        ticket.HasIndex(t => t.UserId).HasDatabaseName("identity_tickets_user");
        ticket.HasIndex(t => t.ExpiresAt).HasDatabaseName("identity_tickets_expiry");
    });
}

/// <summary>What a ticket is good for. The names are stored.</summary>
internal enum TicketKind
{
    /// <summary>The first sign-in of an Owner, by a link that the command line printed.</summary>
    FirstSignIn,

    /// <summary>A new password, by a link that was mailed.</summary>
    PasswordReset,

    /// <summary>A new address, confirmed by a link mailed to it.</summary>
    EmailChange,

    /// <summary>The way back to the address before, by a link mailed to it.</summary>
    EmailUndo,

    /// <summary>A sign-in whose first factor was right and whose second is awaited.</summary>
    SecondFactor,

    /// <summary>A TOTP secret that was shown and not yet confirmed.</summary>
    TotpSetup,

    /// <summary>The challenge of a passkey that is being made.</summary>
    PasskeyCreation,

    /// <summary>The challenge of a passkey that is being used.</summary>
    PasskeyRequest,
}
