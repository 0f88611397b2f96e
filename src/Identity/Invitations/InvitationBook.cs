using Crew.Http;
using Crew.Identity.Accounts;
using Crew.Kernel;
using Crew.Storage;
using Crew.Tenancy.Contracts;
using Microsoft.EntityFrameworkCore;

namespace Crew.Identity.Invitations;

/// <summary>Makes, finds and ends invitations inside the transaction of whatever does so.</summary>
internal sealed class InvitationBook(BearerMint mint, IdentitySeal seal, PeopleRegister register, IdentityOptions options, TimeProvider clock)
{
    public const string Kind = "invitation";
    private const string Table = "identity_invitations";

    /// <summary>Invitations of a workspace that may be open at a time: each may be a mail to somebody who did not ask for it.</summary>
    private const int MostOpen = 200;

    /// <summary>Mails of a workspace in a day, open or not.</summary>
    private const int MostMailsADay = 500;

    /// <summary>Mails of a workspace to one address in a day.</summary>
    private const int MostMailsToOneADay = 5;

    /// <summary>After this a letter that was not sent with the answer is sent by the post: the node that made the invitation may be gone.</summary>
    private static readonly TimeSpan UnsentPause = TimeSpan.FromMinutes(2);

    /// <summary>Between tries of such a letter.</summary>
    private static readonly TimeSpan RetryPause = TimeSpan.FromHours(1);

    /// <summary>Takes open invitations whose letter is due, in a transaction of <see cref="SystemJob.People"/>.</summary>
    public static async Task<List<Invitation>> TakeUnsentAsync(Db db, DateTimeOffset now)
    {
        var due = await db.Set<Invitation>().Where(i => i.MailDueAt <= now).OrderBy(i => i.MailDueAt).Take(20).ToListAsync();
        foreach (var invitation in due)
        {
            var isOpen = invitation is { AcceptedAt: null, RevokedAt: null } && invitation.ExpiresAt > now;
            (invitation.MailDueAt, invitation.Version) = (isOpen ? now + RetryPause : null, invitation.Version + 1);
        }

        return [.. due.Where(i => i.MailDueAt is not null)];
    }

    /// <summary>Its letter has gone out.</summary>
    public static async Task<bool> SentAsync(Db db, string id)
    {
        if (await db.Set<Invitation>().SingleOrDefaultAsync(i => i.Id == id) is { MailDueAt: not null } invitation)
        {
            (invitation.MailDueAt, invitation.Version) = (null, invitation.Version + 1);
        }

        return true;
    }

    /// <summary>A new link for an open invitation, in place of one that nobody got; null when it is not open any more.</summary>
    public async Task<SecretText?> RenewAsync(Db db, string id)
    {
        var now = clock.GetUtcNow();
        if (await db.Set<Invitation>().SingleOrDefaultAsync(i => i.Id == id && i.AcceptedAt == null && i.RevokedAt == null && i.ExpiresAt > now) is not { } invitation)
        {
            return null;
        }

        var (text, hash) = mint.Make(Kind);
        (invitation.TokenHash, invitation.Version) = (hash, invitation.Version + 1);
        return text;
    }

    public async Task<Outcome<(Invitation Invitation, SecretText Text)>> AddAsync(Db db, Call call, string email, RoleOffer offer, bool byMail)
    {
        var now = clock.GetUtcNow();
        var hash = register.HashOf(email);
        var workspaceId = offer.IsOfOrganization ? null : call.Workspace.Id;
        var open = await db.Set<Invitation>().Where(i => i.WorkspaceId == workspaceId && i.AcceptedAt == null && i.RevokedAt == null && i.ExpiresAt > now).ToListAsync();
        if (open.Count >= MostOpen)
        {
            return new Fault("too_many_invitations", 403, $"{MostOpen} invitations are open. Take some back, or wait until they are accepted or over.");
        }

        if (byMail && await RefuseMailAsync(db, workspaceId, hash, now) is { } tooOften)
        {
            return tooOften;
        }

        // A new link takes the place of the one before, with whatever role that offered, if that is the caller's to take.
        foreach (var former in open.Where(i => i.EmailHash == hash && (!offer.IsOfOrganization || i.Role == offer.Role)))
        {
            if (OfferOf(former).Refuse(call) is { } above)
            {
                return above;
            }

            (former.RevokedAt, former.Version) = (now, former.Version + 1);
        }

        var (text, token) = mint.Make(Kind);
        var id = Id.New(IdPrefix.Invitation, now);
        var invitation = new Invitation
        {
            Id = id,
            OrganizationId = call.Workspace.OrganizationId,
            WorkspaceId = workspaceId,
            EmailSealed = seal.Seal(Table, "email_sealed", id, email),
            EmailHash = hash,
            Role = offer.Role,
            Environments = offer.Environments?.Select(e => e.ToName()).ToList(),
            ContentAccess = offer.ContentAccess,
            TokenHash = token,
            ByMail = byMail,
            MailDueAt = byMail ? now + UnsentPause : null,
            InvitedBy = call.Caller.Actor.Id,
            CreatedAt = now,
            ExpiresAt = now.AddDays(options.InvitationDays),
        };
        db.Add(invitation);
        db.Raise(new Event("user.invited", new Resource("invitation", id)) { Changes = [new FieldChange("role", null, offer.Role)] });
        return (invitation, text);
    }

    /// <summary>Ends an open invitation. Nobody takes back an offer of a role above their own.</summary>
    public async Task<Outcome<Invitation>> RevokeAsync(Db db, Call call, string id)
    {
        if (await FindAsync(db, call, id) is not { AcceptedAt: null, RevokedAt: null } invitation)
        {
            return Faults.NotFound;
        }

        if ((call.CheckVersion(invitation.Version) ?? OfferOf(invitation).Refuse(call)) is { } refused)
        {
            return refused;
        }

        End(db, invitation);
        return invitation;
    }

    /// <summary>Ends an invitation whose mail nobody took: it is left neither to work nor to count as one.</summary>
    public async Task<Outcome<bool>> WithdrawAsync(Db db, Call call, string id)
    {
        if (await FindAsync(db, call, id) is { AcceptedAt: null, RevokedAt: null } invitation)
        {
            End(db, invitation);
            invitation.ByMail = false;
        }

        return true;
    }

    /// <summary>The open invitation behind a link, in a transaction of <see cref="SystemJob.People"/>.</summary>
    public async Task<Invitation?> OpenAsync(Db db, string token)
    {
        var now = clock.GetUtcNow();
        return mint.HashOf(Kind, token) is { } hash
            ? await db.Set<Invitation>().SingleOrDefaultAsync(i => i.TokenHash == hash && i.AcceptedAt == null && i.RevokedAt == null && i.ExpiresAt > now)
            : null;
    }

    /// <summary>Takes it: nobody else can after this.</summary>
    public void Accept(Invitation invitation) => (invitation.AcceptedAt, invitation.Version) = (clock.GetUtcNow(), invitation.Version + 1);

    public string EmailOf(Invitation invitation) => seal.Open(Table, "email_sealed", invitation.Id, invitation.EmailSealed)!;

    public static RoleOffer OfferOf(Invitation invitation) => new(invitation.Role,
        invitation.Environments?.Select(name => CrewEnvironments.TryParse(name, out var environment)
            ? environment
            : throw new InvalidOperationException($"{invitation.Id} names an unknown environment.")).ToList(), invitation.ContentAccess);

    public InvitationRoutes.Answer AnswerOf(Invitation invitation) => new(
        invitation.Id, EmailOf(invitation), invitation.Role, invitation.Environments, invitation.ContentAccess,
        invitation.AcceptedAt is not null ? "accepted" : invitation.RevokedAt is not null ? "revoked" : invitation.ExpiresAt <= clock.GetUtcNow() ? "expired" : "open",
        invitation.InvitedBy, invitation.CreatedAt, invitation.ExpiresAt);

    /// <summary>Ends whatever is open in a workspace, whoever offered it, in a transaction of <see cref="SystemJob.Lockdown"/>; how many there were.</summary>
    public async Task<int> EndAllAsync(Db db, Tenant place, string reason)
    {
        var now = clock.GetUtcNow();
        var open = await db.Set<Invitation>().Where(i => i.WorkspaceId == place.WorkspaceId && i.AcceptedAt == null && i.RevokedAt == null && i.ExpiresAt > now).ToListAsync();
        open.ForEach(invitation => End(db, invitation, reason, place));
        return open.Count;
    }

    private void End(Db db, Invitation invitation, string reason = "invitation_revoked", Tenant? place = null)
    {
        (invitation.RevokedAt, invitation.Version) = (clock.GetUtcNow(), invitation.Version + 1);
        db.Raise(new Event("user.updated", new Resource("invitation", invitation.Id)) { Tenant = place, Reason = reason });
    }

    /// <summary>Whoever may invite must not fill a stranger's mailbox, by taking invitations back or over and over to the same address.</summary>
    private static async Task<Fault?> RefuseMailAsync(Db db, string? workspaceId, string hash, DateTimeOffset now)
    {
        var since = now.AddDays(-1);
        var lately = await db.Set<Invitation>().Where(i => i.WorkspaceId == workspaceId && i.ByMail && i.CreatedAt > since).Select(i => i.EmailHash).ToListAsync();
        return lately.Count >= MostMailsADay
            ? new Fault("too_many_invitations", 403, $"{MostMailsADay} invitations were mailed within a day. Wait until tomorrow.")
            : lately.Count(h => h == hash) >= MostMailsToOneADay
                ? new Fault("too_many_invitations", 403, $"This address was invited {MostMailsToOneADay} times within a day. Ask the person to look among unwanted mail, or wait until tomorrow.")
                : null;
    }

    public static Task<Invitation?> FindAsync(Db db, Call call, string id) =>
        Id.IsValid(id, IdPrefix.Invitation) ? Visible(db, call).SingleOrDefaultAsync(i => i.Id == id) : Task.FromResult<Invitation?>(null);

    /// <summary>Those of this workspace; those of the organization for who sees it.</summary>
    public static IQueryable<Invitation> Visible(Db db, Call call)
    {
        var workspaceId = call.Workspace.Id;
        var above = call.Caller.OrganizationPermissions.Has(Permissions.Of("organization:read"));
        return db.Set<Invitation>().Where(i => i.WorkspaceId == workspaceId || (above && i.WorkspaceId == null));
    }
}
