using Crew.Http;
using Crew.Identity.Accounts;
using Crew.Identity.SignIn;
using Crew.Kernel;
using Crew.Keys.Contracts;
using Crew.Storage;
using Crew.Tenancy.Contracts;

namespace Crew.Identity.Invitations;

/// <summary>An open invitation as whoever has its link sees it.</summary>
/// <param name="Place">Name of what one is invited to.</param>
/// <param name="UserId">Who has the address already; null for nobody.</param>
internal sealed record Invitee(Invitation Invitation, string Email, string Place, int MaximumMembers, string? UserId);

/// <summary>Lets invited people in.</summary>
internal sealed class Invitees(
    Store store, InvitationBook book, PeopleRegister register, PeopleDirectory people, IWorkspaceDirectory workspaces, IssuingKeys keys, Entry entry, TimeProvider clock)
{
    /// <summary>The invitation behind a link, if it is open and whoever made it may still invite.</summary>
    public async Task<Invitee?> FindAsync(string token, CancellationToken cancel)
    {
        var (invitation, userId) = await store.ReadAsync(SystemJob.People, async db => await book.OpenAsync(db, token) is { } open
            ? (open, await register.FindIdAsync(db, book.EmailOf(open)))
            : (null, null), cancel);
        if (invitation is null)
        {
            return null;
        }

        var workspace = invitation.WorkspaceId is { } id ? await workspaces.FindAsync(invitation.OrganizationId, id, cancel) : null;
        if (workspace is null && invitation.WorkspaceId is not null)
        {
            return null;
        }

        return await MayStillInviteAsync(invitation, workspace, cancel)
            ? new Invitee(invitation, book.EmailOf(invitation), workspace?.Name ?? "the organization", workspace?.MaximumMembers ?? int.MaxValue, userId)
            : null;
    }

    /// <summary>
    /// Takes the invitation and gives the role, in one transaction. <paramref name="passwordHash"/> makes a new person. An account whose address
    /// nobody has verified joins no other organization by a link that was handed over.
    /// </summary>
    public async Task<Outcome<string>> JoinAsync(Call call, string token, Invitee invitee, string? passwordHash, string? name)
    {
        var known = invitee.UserId is { } id ? await people.FindAsync(id, call.Aborted) : null;
        if (known is { IsVerified: false } && !invitee.Invitation.ByMail && known.Roles.Any(r => r.OrganizationId != invitee.Invitation.OrganizationId))
        {
            return IdentityFaults.EmailNotVerified;
        }

        var origin = known is null ? call.Origin : call.OriginOf(PersonEvents.ActorOf(known));
        return await store.ChangeAsync<string>(SystemJob.People, origin, async db =>
        {
            if (await book.OpenAsync(db, token) is not { } invitation)
            {
                return Faults.NotFound;
            }

            var userId = await register.FindIdAsync(db, invitee.Email);
            if (userId != invitee.UserId)
            {
                return Faults.NotFound;
            }

            var place = new Tenant(invitation.OrganizationId, invitation.WorkspaceId);
            if (userId is null)
            {
                userId = register.Add(db, invitee.Email, name, isVerified: invitation.ByMail);
                var account = await entry.AccountAsync(db, userId);
                (account.PasswordHash, account.PasswordChangedAt) = (passwordHash, clock.GetUtcNow());
                db.Raise(new Event("user.created", new Resource("user", userId)) { Tenant = place });
            }
            else if (invitation.ByMail)
            {
                await register.VerifyAsync(db, userId);
            }

            book.Accept(invitation);
            if (await InvitationBook.OfferOf(invitation).GiveAsync(db, invitation.OrganizationId, invitation.WorkspaceId, userId, invitee.MaximumMembers, clock.GetUtcNow()) is { } refused)
            {
                return refused;
            }

            db.Raise(new Event("user.invitation.accepted", new Resource("user", userId)) { Tenant = place, Changes = [new FieldChange("role", null, invitation.Role)] });
            return userId;
        }, call.Aborted);
    }

    /// <summary>
    /// An invitation falls with the right of whoever made it to give that role: one who was demoted must not come back by an offer that they made
    /// before, nor the finder of a key that was revoked. A key that merely ended, by its time or a roll, leaves what it has offered.
    /// </summary>
    private async Task<bool> MayStillInviteAsync(Invitation invitation, WorkspaceView? workspace, CancellationToken cancel)
    {
        var offer = InvitationBook.OfferOf(invitation);
        if (Id.IsValid(invitation.InvitedBy, IdPrefix.User))
        {
            return await people.FindAsync(invitation.InvitedBy, cancel) is { } inviter && offer.MayBeGivenBy(inviter, invitation.OrganizationId, workspace);
        }

        var key = await keys.FindAsync(invitation.InvitedBy, cancel);
        return key.Caller is { } live ? offer.MayBeGivenBy(live, workspace) : key.Fault?.Details?.GetValueOrDefault("reason") is "expired";
    }
}
