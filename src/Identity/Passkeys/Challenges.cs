using System.Buffers.Binary;
using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;
using Crew.Identity.Accounts;
using Crew.Storage;
using Microsoft.EntityFrameworkCore;

namespace Crew.Identity.Passkeys;

/// <summary>What the answer to a challenge is for. An answer for one thing is none for another.</summary>
internal enum Ceremony
{
    /// <summary>Makes a passkey of whoever is signed in.</summary>
    Creation,

    /// <summary>Signs somebody in.</summary>
    SignIn,

    /// <summary>Stands for the code after a password.</summary>
    SecondFactor,

    /// <summary>Proves again who is signed in.</summary>
    StepUp,
}

/// <summary>A challenge that this server has made, for this visit, a short while ago.</summary>
/// <param name="State">What the verifier wants to see again.</param>
/// <param name="Hash">Under what it is noted as used.</param>
internal sealed record Challenge(string State, string Hash, DateTimeOffset MadeAt, DateTimeOffset ExpiresAt);

/// <summary>
/// Challenges of passkeys. The page carries them, sealed together with the visit that they belong to: any node can judge an answer, and nobody fills
/// the database by looking at the sign-in page. An answer that is taken notes its challenge, whose hash can be noted once.
/// </summary>
internal sealed class Challenges(IdentitySeal seal, IdentityOptions options, TimeProvider clock)
{
    private const string Table = "passkey_challenges";

    /// <summary>A challenge is a few hundred bytes; longer texts are none.</summary>
    private const int MostCharacters = 4_096;

    /// <summary>Seals what the verifier has made, for one visit.</summary>
    /// <param name="visit">Id of the session, or what else only this browser holds.</param>
    public string Seal(Ceremony ceremony, string visit, string state)
    {
        Span<byte> madeAt = stackalloc byte[sizeof(long)];
        BinaryPrimitives.WriteInt64BigEndian(madeAt, clock.GetUtcNow().ToUnixTimeMilliseconds());
        return Base64Url.EncodeToString(seal.Seal(Table, ceremony.ToString(), visit, (byte[])[.. madeAt, .. Encoding.UTF8.GetBytes(state)]));
    }

    /// <summary>What was sealed for this visit; null for anything else, and when its time is over.</summary>
    public Challenge? Open(Ceremony ceremony, string visit, string? text)
    {
        if (text is not { Length: > 0 and <= MostCharacters } || !Base64Url.IsValid(text))
        {
            return null;
        }

        var envelope = Base64Url.DecodeFromChars(text);
        if (!seal.TryOpen(Table, ceremony.ToString(), visit, envelope, out var bytes))
        {
            return null;
        }

        var madeAt = DateTimeOffset.FromUnixTimeMilliseconds(BinaryPrimitives.ReadInt64BigEndian(bytes));
        var expiresAt = madeAt.AddMinutes(options.StepMinutes);
        return expiresAt <= clock.GetUtcNow()
            ? null
            : new Challenge(Encoding.UTF8.GetString(bytes.AsSpan(sizeof(long))), Convert.ToHexStringLower(SHA256.HashData(envelope)), madeAt, expiresAt);
    }

    /// <summary>Notes that a challenge was answered; false when it was before. Two at one moment end in a conflict for one of them.</summary>
    public async Task<bool> SpendAsync(Db db, Ceremony ceremony, Challenge challenge, string userId)
    {
        if (await db.Set<Ticket>().AnyAsync(t => t.TokenHash == challenge.Hash))
        {
            return false;
        }

        db.Add(new Ticket
        {
            TokenHash = challenge.Hash,
            Kind = ceremony == Ceremony.Creation ? TicketKind.PasskeyCreation : TicketKind.PasskeyRequest,
            UserId = userId,
            CreatedAt = challenge.MadeAt,
            ExpiresAt = challenge.ExpiresAt,
            UsedAt = clock.GetUtcNow(),
        });
        return true;
    }
}
