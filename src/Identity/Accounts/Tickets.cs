using Crew.Kernel;
using Crew.Storage;
using Microsoft.EntityFrameworkCore;

namespace Crew.Identity.Accounts;

/// <summary>Gives and takes tickets inside the transaction of what they are for.</summary>
internal sealed class Tickets(BearerMint mint, IdentitySeal seal, TimeProvider clock)
{
    private const string Table = "identity_tickets";

    public SecretText Add(Db db, TicketKind kind, string? userId, TimeSpan life, string? payload = null, bool byMail = false)
    {
        var now = clock.GetUtcNow();
        var (text, hash) = mint.Make(kind.ToString());
        db.Add(new Ticket
        {
            TokenHash = hash,
            Kind = kind,
            UserId = userId,
            PayloadSealed = payload is null ? null : seal.Seal(Table, "payload_sealed", hash, payload),
            ByMail = byMail,
            CreatedAt = now,
            ExpiresAt = now + life,
        });
        return text;
    }

    /// <summary>The ticket behind a text, if it is of this kind, unused and not over.</summary>
    public async Task<Ticket?> FindAsync(Db db, TicketKind kind, string? text)
    {
        var now = clock.GetUtcNow();
        return mint.HashOf(kind.ToString(), text) is { } hash
            ? await db.Set<Ticket>().SingleOrDefaultAsync(t => t.TokenHash == hash && t.UsedAt == null && t.ExpiresAt > now)
            : null;
    }

    public string? Payload(Ticket ticket) => seal.Open(Table, "payload_sealed", ticket.TokenHash, ticket.PayloadSealed);

    public void Use(Ticket ticket) => ticket.UsedAt = clock.GetUtcNow();

    /// <summary>How many of a kind are open for a person.</summary>
    public Task<int> CountAsync(Db db, TicketKind kind, string userId)
    {
        var now = clock.GetUtcNow();
        return db.Set<Ticket>().CountAsync(t => t.UserId == userId && t.Kind == kind && t.UsedAt == null && t.ExpiresAt > now);
    }

    /// <summary>Ends what else is open of a kind, such as earlier links for the same person.</summary>
    public async Task EndAsync(Db db, TicketKind kind, string userId)
    {
        foreach (var ticket in await db.Set<Ticket>().Where(t => t.UserId == userId && t.Kind == kind && t.UsedAt == null).ToListAsync())
        {
            Use(ticket);
        }
    }
}
