using System.Net;
using Crew.Identity.Accounts;
using Crew.Kernel;
using Crew.Storage;
using Microsoft.EntityFrameworkCore;

namespace Crew.Identity.Sessions;

/// <summary>Opens and ends sessions inside the transaction of whatever opens or ends them.</summary>
internal sealed class SessionBook(BearerMint mint, IdentitySeal seal, IdentityOptions options, TimeProvider clock)
{
    /// <summary>The oldest of more is ended when another one is opened.</summary>
    private const int MostPerPerson = 50;

    private const int AgentCharacters = 256;

    /// <summary>Opens a session with a cookie of its own; a browser never keeps the cookie that it came with (session fixation).</summary>
    public async Task<(Session Session, SecretText Text)> OpenAsync(Db db, string userId, IReadOnlyList<string> methods, IPAddress address, string? agent)
    {
        var now = clock.GetUtcNow();
        var (text, hash) = mint.Make(SessionIndex.Kind);
        var id = Id.New(IdPrefix.Session, now);
        var session = new Session
        {
            Id = id,
            UserId = userId,
            TokenHash = hash,
            Methods = methods,
            CreatedAt = now,
            LastSeenAt = now,
            ProvedAt = now,
            ExpiresAt = now.AddHours(options.SessionHours),
            IpSealed = seal.Seal("identity_sessions", "ip_sealed", id, address.ToString()),
            AgentSealed = string.IsNullOrEmpty(agent) ? null : seal.Seal("identity_sessions", "agent_sealed", id, agent[..Math.Min(agent.Length, AgentCharacters)]),
        };
        var live = await Live(db, userId).OrderBy(s => s.Id).ToListAsync();
        foreach (var oldest in live.Take(live.Count - MostPerPerson + 1))
        {
            End(db, oldest);
        }

        db.Add(session);
        return (session, text);
    }

    /// <summary>
    /// Waits for whoever else opens or ends sessions of this person, until the end of the transaction (on PostgreSQL, by the lock of the account's
    /// row): a session that is being opened must not be missed by who ends all of them.
    /// </summary>
    public static Task HoldAsync(Db db, string userId) =>
        db.Set<Account>().Where(a => a.UserId == userId).ExecuteUpdateAsync(a => a.SetProperty(p => p.Version, p => p.Version));

    /// <summary>Ends every session of a person but one, and what would lead to another one by what was good until now.</summary>
    public async Task EndAllAsync(Db db, string userId, string? exceptId = null)
    {
        await HoldAsync(db, userId);
        foreach (var ticket in await db.Set<Ticket>()
            .Where(t => t.UserId == userId && t.UsedAt == null && (t.Kind == TicketKind.PasswordReset || t.Kind == TicketKind.SecondFactor)).ToListAsync())
        {
            ticket.UsedAt = clock.GetUtcNow();
        }

        foreach (var session in await Live(db, userId).Where(s => s.Id != exceptId).ToListAsync())
        {
            End(db, session);
        }
    }

    public void End(Db db, Session session)
    {
        session.RevokedAt = clock.GetUtcNow();
        Changed(db, session);
    }

    /// <summary>Says that nodes must read it anew.</summary>
    public static void Changed(Db db, Session session) => db.Touch(SessionIndex.FeedTopic, session.TokenHash);

    public static IQueryable<Session> Live(Db db, string userId) => db.Set<Session>().Where(s => s.UserId == userId && s.RevokedAt == null);
}
