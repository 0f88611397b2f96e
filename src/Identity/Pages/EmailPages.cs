using Crew.Http;
using Crew.Identity.Accounts;
using Crew.Identity.Letters;
using Crew.Identity.Sessions;
using Crew.Kernel;
using Crew.Storage;
using Crew.Tenancy.Contracts;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace Crew.Identity.Pages;

/// <summary>
/// Another address: asked for with a recent proof, confirmed by a link mailed to it and by the person's own session, told to the address before, which
/// can undo it for some days. Whether somebody has the new address already is not told.
/// </summary>
internal static class EmailPages
{
    private static readonly Fault Taken = Faults.Invalid("email", "This address cannot be used. Choose another one.");

    public static void Map(RouteGroupBuilder pages)
    {
        pages.MapGet("/account/email", ShowAsync).WithName("Pages.Email").WithSummary("Change the address.").AsPage();
        pages.MapPost("/account/email", AskAsync).WithName("Pages.Email.Send").WithSummary("Mail a link to the new address.").AsPage();
        pages.MapGet("/account/email/{token}", LookAsync).WithName("Pages.Email.Link").WithSummary("Look at a new address.").AsPage();
        pages.MapPost("/account/email/{token}", ConfirmAsync).WithName("Pages.Email.Confirm").WithSummary("Confirm a new address.").AsPage();
        pages.MapGet("/account/email/undo/{token}", LookBackAsync).WithName("Pages.Email.Undo").WithSummary("Look at undoing a change of address.").AsPage();
        pages.MapPost("/account/email/undo/{token}", UndoAsync).WithName("Pages.Email.Undo.Send").WithSummary("Undo a change of address, and end all sessions.").AsPage();
    }

    private static async Task<IResult> ShowAsync(Call call, Visits visits, Post post)
    {
        if (await visits.FindAsync(call) is not { } visitor)
        {
            return Visits.Away(call, "/sign-in");
        }

        return visits.IsProven(visitor) ? Show(call, visitor, post, null) : Visits.Away(call, "/account/step-up");
    }

    private static IResult Show(Call call, Visitor visitor, Post post, string? alert) => PageFrame.Show(call, "Change the address", post.IsConfigured
        ? Html.Of($"""
            <p>Your address is <strong>{visitor.Person.Email}</strong>. A link goes to the new one; the change counts when you open it, signed in here.</p>
            {PageFrame.Alert(alert)}
            <form method="post" action="/account/email">{PageFrame.Csrf(visitor)}
            <label for="email">New e-mail</label>
            <input id="email" name="email" type="email" autocomplete="email" required maxlength="254">
            <button>Send the link</button>
            </form>
            <p><a href="/account">Back to your account</a></p>
            """)
        : Html.Of($"""<p>This server sends no mail, so no new address can be confirmed. Ask whoever runs it.</p><p><a href="/account">Back to your account</a></p>"""),
        alert is null ? 200 : 400, visitor);

    private static async Task<IResult> AskAsync(Call call, Visits visits, Post post, LetterQueue letters, Store store, IdentityOptions options)
    {
        if (await visits.FindAsync(call) is not { } visitor)
        {
            return Results.Redirect("/sign-in");
        }

        if (await visits.ReadAsync(call, visitor) is not { } form)
        {
            return PageFrame.CrossSite(call);
        }

        if (!visits.IsProven(visitor))
        {
            return Results.Redirect("/account/step-up?next=/account/email");
        }

        var email = form["email"].Trim();
        if (!post.IsConfigured || PeopleRegister.Check(email) is not null)
        {
            return Show(call, visitor, post, "This is not an e-mail address. Write it as name@example.com.");
        }

        var kept = await store.ChangeAsync<bool>(SystemJob.People, visitor.OriginOf(call), async db =>
        {
            await letters.AddAsync(db, LetterKind.ConfirmAddress, visitor.Person.Id, new LetterContent(email, null));
            return true;
        }, call.Aborted);
        return kept.Failed(out var fault) ? PageFrame.Refused(call, fault) : PageFrame.Show(call, "Look into your mail", Html.Of($"""
            <p>A link was sent to <strong>{email}</strong>. It is good for {options.ResetMinutes} minutes, at a browser where you are signed in.</p>
            <p><a href="/account">Back to your account</a></p>
            """), 200, visitor);
    }

    private static async Task<IResult> LookAsync(string token, Call call, Visits visits, Store store, Tickets tickets)
    {
        if (await visits.FindAsync(call) is not { } visitor)
        {
            return Visits.Away(call, "/sign-in");
        }

        return await TargetAsync(token, TicketKind.EmailChange, call, store, tickets) is not var (userId, email) || userId != visitor.Person.Id ? PageFrame.DeadLink(call)
            : PageFrame.Show(call, "Confirm the address", Html.Of($"""
                <p>From now on you sign in as <strong>{email}</strong> instead of {visitor.Person.Email}. All other sessions of yours end with it.</p>
                <form method="post" action="/account/email/{token}">{PageFrame.Csrf(visitor)}<button>Use this address</button></form>
                """), 200, visitor);
    }

    private static async Task<IResult> ConfirmAsync(
        string token, Call call, Visits visits, Store store, Tickets tickets, PeopleRegister register, LetterQueue letters, SessionBook book)
    {
        if (await visits.FindAsync(call) is not { } visitor)
        {
            return Results.Redirect("/sign-in");
        }

        if (await visits.ReadAsync(call, visitor) is null)
        {
            return PageFrame.CrossSite(call);
        }

        var person = visitor.Person;
        var moved = await store.ChangeAsync<bool>(SystemJob.People, visitor.OriginOf(call), async db =>
        {
            if (await tickets.FindAsync(db, TicketKind.EmailChange, token) is not { } ticket || ticket.UserId != person.Id)
            {
                return Faults.NotFound;
            }

            tickets.Use(ticket);
            var email = tickets.Payload(ticket)!;
            if (await register.MoveAsync(db, person.Id, email) is { } refused)
            {
                return refused;
            }

            // Links that went to the address before are dead, and whoever reads it can undo the change.
            await tickets.EndAsync(db, TicketKind.PasswordReset, person.Id);
            await book.EndAllAsync(db, person.Id, visitor.Session.Id);
            await letters.AddAsync(db, LetterKind.AddressMoved, person.Id, new LetterContent(person.Email, email));
            PersonEvents.Raise(db, person, new Event("user.updated", new Resource("user", person.Id)) { Reason = "email_changed" });
            return true;
        }, call.Aborted);
        return !moved.Failed(out var fault) ? Results.Redirect("/account") : fault == Faults.NotFound ? PageFrame.DeadLink(call) : PageFrame.Refused(call, fault.Status == 409 ? Taken : fault);
    }

    private static async Task<IResult> LookBackAsync(string token, Call call, Store store, Tickets tickets) =>
        await TargetAsync(token, TicketKind.EmailUndo, call, store, tickets) is not var (_, email) ? PageFrame.DeadLink(call)
            : PageFrame.Show(call, "Take the address back", Html.Of($"""
                <p>The account goes back to <strong>{email}</strong>, and all its sessions end. Reset the password after that, if it was not you who changed the address.</p>
                <form method="post" action="/account/email/undo/{token}"><button>Take it back</button></form>
                """));

    private static async Task<IResult> UndoAsync(
        string token, Call call, Visits visits, Store store, Tickets tickets, PeopleRegister register, PeopleDirectory people, SessionBook book)
    {
        if (await visits.ReadAsync(call) is null)
        {
            return PageFrame.CrossSite(call);
        }

        if (await TargetAsync(token, TicketKind.EmailUndo, call, store, tickets) is not var (userId, email) || await people.FindAsync(userId, call.Aborted) is not { } person)
        {
            return PageFrame.DeadLink(call);
        }

        var undone = await store.ChangeAsync<bool>(SystemJob.People, call.OriginOf(PersonEvents.ActorOf(person)), async db =>
        {
            if (await tickets.FindAsync(db, TicketKind.EmailUndo, token) is not { } ticket)
            {
                return Faults.NotFound;
            }

            tickets.Use(ticket);
            if (await register.MoveAsync(db, userId, email) is { } refused)
            {
                return refused;
            }

            foreach (var kind in new[] { TicketKind.PasswordReset, TicketKind.SecondFactor, TicketKind.EmailChange, TicketKind.FirstSignIn })
            {
                await tickets.EndAsync(db, kind, userId);
            }

            await book.EndAllAsync(db, userId);
            PersonEvents.Raise(db, person, new Event("user.updated", new Resource("user", userId)) { Reason = "email_change_undone" });
            return true;
        }, call.Aborted);
        return undone.Failed(out var fault)
            ? fault == Faults.NotFound ? PageFrame.DeadLink(call) : PageFrame.Refused(call, fault.Status == 409 ? Taken : fault)
            : PageFrame.Show(call, "The address is back", Html.Of($"""<p>All sessions have ended. <a href="/reset">Reset the password</a>, or <a href="/sign-in">sign in</a>.</p>"""));
    }

    /// <summary>Whose link it is, and the address that it leads to.</summary>
    private static Task<(string UserId, string Email)?> TargetAsync(string token, TicketKind kind, Call call, Store store, Tickets tickets) =>
        store.ReadAsync<(string, string)?>(SystemJob.People, async db => await tickets.FindAsync(db, kind, token) is { UserId: { } userId } ticket && tickets.Payload(ticket) is { } email
            ? (userId, email) : null, call.Aborted);
}
