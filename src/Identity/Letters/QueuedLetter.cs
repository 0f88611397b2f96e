using Crew.Storage;
using Microsoft.EntityFrameworkCore;

namespace Crew.Identity.Letters;

/// <summary>
/// A letter that is to be written and sent, kept in the transaction of what it tells of. A link is made when the letter is written, so that none is
/// kept; one that was sent stays a while without its due time, so that the same is not asked for again and again.
/// </summary>
[InstallationOwned("It goes to a person, whichever organizations they belong to.")]
internal sealed class QueuedLetter
{
    public required string Id { get; init; }

    public required LetterKind Kind { get; init; }

    /// <summary>Whom it is about; null where only an address is known.</summary>
    public string? UserId { get; init; }

    /// <summary>The address, hashed, to find letters to it.</summary>
    public required string AddressHash { get; init; }

    /// <summary>The address, and what the letter says, sealed.</summary>
    public required byte[] ContentSealed { get; init; }

    /// <summary>Tries so far.</summary>
    public int Attempts { get; set; }

    /// <summary>When it is tried next; null when it is done.</summary>
    public DateTimeOffset? DueAt { get; set; }

    public required DateTimeOffset CreatedAt { get; init; }

    public required DateTimeOffset ExpiresAt { get; init; }

    public static void Map(ModelBuilder model) => model.Entity<QueuedLetter>(letter =>
    {
        letter.ToTable("identity_letters");
        letter.HasKey(l => l.Id);
        letter.Property(l => l.Kind).HasConversion<string>();
        letter.Property(l => l.Attempts).IsConcurrencyToken();
        letter.HasIndex(l => l.DueAt).HasDatabaseName("identity_letters_due");
        letter.HasIndex(l => l.ExpiresAt).HasDatabaseName("identity_letters_expiry");
    });
}

/// <summary>What a letter is. The names are stored.</summary>
internal enum LetterKind
{
    /// <summary>A link that resets a password, if somebody has the address.</summary>
    Reset,

    /// <summary>A link that confirms a new address.</summary>
    ConfirmAddress,

    /// <summary>To the address before: it was changed, with a link that undoes it.</summary>
    AddressMoved,

    /// <summary>Something about the account was changed.</summary>
    Notice,
}

/// <summary>What is sealed of a letter.</summary>
/// <param name="To">The address.</param>
/// <param name="What">What has happened, for a notice; the other address, for a change of address.</param>
internal sealed record LetterContent(string To, string? What);
