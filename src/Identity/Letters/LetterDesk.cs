using Crew.Identity.Accounts;
using Crew.Identity.Invitations;
using Crew.Kernel;
using Crew.Mail;
using Crew.Storage;
using Crew.Tenancy.Contracts;

namespace Crew.Identity.Letters;

/// <summary>Writes letters: makes the link of each at that moment, in a transaction of its own. Null when there is nobody to write to any more.</summary>
internal sealed class LetterDesk(
    Store store, LetterQueue queue, Tickets tickets, PeopleRegister register, PeopleDirectory people, InvitationBook invitations, IWorkspaceDirectory workspaces,
    IdentityOptions options)
{
    /// <summary>
    /// Links of one person that are good at a time. A stranger who asks again and again neither fills a mailbox, nor kills the link that its owner
    /// is about to follow.
    /// </summary>
    private const int MostLinks = 3;

    /// <summary>The letter, with the link that it holds.</summary>
    public async Task<Written?> WriteAsync(QueuedLetter letter, CancellationToken cancel)
    {
        var content = queue.ContentOf(letter);
        switch (letter.Kind)
        {
            case LetterKind.Reset:
                // To the address that the person has: what was typed may be written like it and be another's.
                return await LinkAsync(letter, null, TicketKind.PasswordReset, cancel) is { } reset && await people.FindAsync(reset.UserId, cancel) is { } person
                    ? new Written(LetterTexts.Reset(person.Email, options.Link($"/reset/{reset.Text.Reveal()}"), options.ResetMinutes), reset)
                    : null;
            case LetterKind.ConfirmAddress:
                return await LinkAsync(letter, content.To, TicketKind.EmailChange, cancel) is { } confirm
                    ? new Written(LetterTexts.ConfirmAddress(content.To, options.Link($"/account/email/{confirm.Text.Reveal()}"), options.ResetMinutes), confirm)
                    : null;
            case LetterKind.AddressMoved:
                return await LinkAsync(letter, content.To, TicketKind.EmailUndo, cancel) is { } undo
                    ? new Written(LetterTexts.AddressMoved(content.To, content.What!, options.Link($"/account/email/undo/{undo.Text.Reveal()}"), options.UndoDays), undo)
                    : null;
            default:
                return new Written(LetterTexts.Notice(content.To, content.What!, options.Link("/account")), null);
        }
    }

    /// <summary>A link that nobody got must not count as one of the few.</summary>
    public Task<Outcome<bool>> EndUnsentAsync(NewLink link) => store.ChangeAsync<bool>(SystemJob.People, Origin.System, async db =>
    {
        if (await tickets.FindAsync(db, link.Kind, link.Text.Reveal()) is { } ticket)
        {
            tickets.Use(ticket);
        }

        return true;
    });

    /// <summary>An invitation whose letter was not sent when it was made, under a new link.</summary>
    public async Task<Letter?> InviteAsync(Invitation due, CancellationToken cancel)
    {
        var renewed = await store.ChangeAsync<SecretText?>(SystemJob.People, Origin.System, async db => await invitations.RenewAsync(db, due.Id) ?? NoText, cancel);
        if (renewed is not { Fault: null, Value: { } text })
        {
            return null;
        }

        var workspace = due.WorkspaceId is { } id ? await workspaces.FindAsync(due.OrganizationId, id, cancel) : null;
        var inviter = await people.FindAsync(due.InvitedBy, cancel);
        return LetterTexts.Invitation(invitations.EmailOf(due), workspace?.Name ?? "the organization", inviter?.Name ?? inviter?.Email ?? "Somebody",
            options.Link($"/invite/{text.Reveal()}"), options.InvitationDays);
    }

    private async Task<NewLink?> LinkAsync(QueuedLetter letter, string? payload, TicketKind kind, CancellationToken cancel)
    {
        var address = queue.ContentOf(letter).To;
        var made = await store.ChangeAsync<NewLink?>(SystemJob.People, Origin.System, async db =>
        {
            var holder = await register.FindIdAsync(db, address);
            var userId = letter.UserId ?? holder;

            // A new address that somebody has got meanwhile is confirmed to nobody.
            if (userId is null || (kind == TicketKind.EmailChange && holder is not null)
                || (kind == TicketKind.PasswordReset && await tickets.CountAsync(db, kind, userId) >= MostLinks))
            {
                return Nobody;
            }

            return new NewLink(userId, kind, tickets.Add(db, kind, userId, queue.LifeOf(letter.Kind), payload, byMail: true));
        }, cancel);
        return made.Failed(out var fault) ? throw new StorageUnavailableException(fault.Code, null) : made.Value;
    }

    private static Outcome<SecretText?> NoText => (SecretText?)null;

    private static Outcome<NewLink?> Nobody => (NewLink?)null;
}

/// <summary>A link that was made for a letter.</summary>
internal sealed record NewLink(string UserId, TicketKind Kind, SecretText Text);

/// <summary>A letter that is to be sent now.</summary>
/// <param name="Link">What it holds; null for none.</param>
internal sealed record Written(Letter Letter, NewLink? Link);
