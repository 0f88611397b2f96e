using Crew.Http;
using Crew.Identity.Accounts;
using Crew.Identity.Letters;
using Crew.Identity.Mfa;
using Crew.Identity.Sessions;
using Crew.Kernel;
using Crew.Storage;
using Crew.Tenancy.Contracts;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace Crew.Identity.Pages;

/// <summary>
/// A forgotten password. Asking for a link answers the same, and as fast, whether somebody has the address; the link sets a password and ends
/// all sessions, and signs nobody in, so that a second factor is asked for as ever.
/// </summary>
internal static class ResetPages
{
    public static void Map(RouteGroupBuilder pages)
    {
        pages.MapGet("/reset", (Call call, Post post) => ShowRequest(call, post)).WithName("Pages.Reset").WithSummary("Ask for a link that resets the password.").AsPage();
        pages.MapPost("/reset", RequestAsync).WithName("Pages.Reset.Send").WithSummary("Mail a link that resets the password.").AsPage();
        pages.MapGet("/reset/{token}", ShowAsync).WithName("Pages.Reset.Link").WithSummary("Set a password by a mailed link.").AsPage();
        pages.MapPost("/reset/{token}", HandleAsync).WithName("Pages.Reset.Set").WithSummary("Set the password.").AsPage();
    }

    private static IResult ShowRequest(Call call, Post post) => post.IsConfigured
        ? PageFrame.Show(call, "Reset the password", Html.Of($"""
            <p>Enter your address. If somebody has it here, a link is on its way after that.</p>
            <form method="post" action="/reset">
            <label for="email">E-mail</label>
            <input id="email" name="email" type="email" autocomplete="username" required maxlength="254">
            <button>Send the link</button>
            </form>
            """))
        : PageFrame.Show(call, "Reset the password", Html.Of($"""
            <p>This server sends no mail. Ask whoever runs it for a sign-in link: <code>crew orgs sign-in-link --email you@example.com</code> prints one.</p>
            """));

    private static async Task<IResult> RequestAsync(
        Call call, Visits visits, Post post, Store store, LetterQueue letters, IdentityOptions options)
    {
        if (!post.IsConfigured)
        {
            return ShowRequest(call, post);
        }

        if (await visits.ReadAsync(call) is not { } form)
        {
            return PageFrame.CrossSite(call);
        }

        var email = form["email"].Trim();
        if (PeopleRegister.Check(email) is null)
        {
            // Kept for every address alike; found, written and sent behind the answer, which therefore takes as long for one that nobody has.
            var kept = await store.ChangeAsync<bool>(SystemJob.People, call.Origin, async db =>
            {
                await letters.AddAsync(db, LetterKind.Reset, null, new LetterContent(email, null));
                return true;
            }, call.Aborted);
            if (kept.Failed(out var fault))
            {
                return PageFrame.Refused(call, fault);
            }
        }

        return PageFrame.Show(call, "Look into your mail", Html.Of($"""
            <p>If somebody has the address here, a link was sent to it. It is good for {options.ResetMinutes} minutes.</p>
            <p class="soft">Nothing came? Look among unwanted mail, check the address, and ask again after a while.</p>
            """));
    }

    private static async Task<IResult> ShowAsync(string token, Call call, Store store, Tickets tickets, PeopleDirectory people) =>
        await PersonOfAsync(token, call, store, tickets, people) is { } person ? Show(call, token, person, null) : PageFrame.DeadLink(call);

    private static IResult Show(Call call, string token, Person person, string? alert) => PageFrame.Show(call, "Choose a new password", Html.Of($"""
        <p>For <strong>{person.Email}</strong>. All sessions end with it, also that of whoever knew the old one.</p>
        {PageFrame.Alert(alert)}
        <form method="post" action="/reset/{token}">
        <input type="hidden" name="username" autocomplete="username" value="{person.Email}">
        {WelcomePage.Password("New password")}
        <button>Set the password</button>
        </form>
        """), alert is null ? 200 : 400);

    private static async Task<IResult> HandleAsync(
        string token, Call call, Visits visits, Store store, Tickets tickets, PeopleDirectory people, PeopleRegister register, PasswordDesk desk, SessionBook book,
        SignIn.Entry entry, LetterQueue letters, TimeProvider clock)
    {
        if (await visits.ReadAsync(call) is not { } form)
        {
            return PageFrame.CrossSite(call);
        }

        if (await PersonOfAsync(token, call, store, tickets, people) is not { } person)
        {
            return PageFrame.DeadLink(call);
        }

        if (PasswordRules.Refusal(form["password"], person.Email, person.Name) is { } weak)
        {
            return Show(call, token, person, weak);
        }

        if (await desk.HashAsync(form["password"], call.Aborted) is not { } hash)
        {
            return PageFrame.Refused(call, IdentityFaults.Busy);
        }

        var reset = await store.ChangeAsync<bool>(SystemJob.People, call.OriginOf(PersonEvents.ActorOf(person)), async db =>
        {
            if (await tickets.FindAsync(db, TicketKind.PasswordReset, token) is not { } ticket || ticket.UserId != person.Id)
            {
                return Faults.NotFound;
            }

            tickets.Use(ticket);
            var account = await entry.AccountAsync(db, person.Id);
            (account.PasswordHash, account.PasswordChangedAt, account.Version) = (hash, clock.GetUtcNow(), account.Version + 1);
            await book.EndAllAsync(db, person.Id);
            // Until now nobody had shown that the address is theirs: factors of whoever set the account up would let that one in for good.
            if (await register.VerifyAsync(db, person.Id) && await ResetFactors.ClearAsync(db, person, account, tickets))
            {
                PersonEvents.Raise(db, person, new Event("auth.mfa.disabled", new Resource("user", person.Id)) { Reason = "address_verified" });
            }

            await letters.TellAsync(db, person, "Your password was reset by a link that was mailed to this address. All your sessions have ended.");
            PersonEvents.Raise(db, person, new Event("auth.password.reset", new Resource("user", person.Id)));
            return true;
        }, call.Aborted);
        if (reset.Failed(out var fault))
        {
            return fault == Faults.NotFound ? PageFrame.DeadLink(call) : PageFrame.Refused(call, fault);
        }

        // Who reads the mail is no stranger: others who guess at the password must not keep them from entering the new one.
        entry.Recognize(call, person.Id);
        return PageFrame.Show(call, "The password is set", Html.Of($"""<p>All sessions have ended. <a href="/sign-in">Sign in</a> with the new password.</p>"""));
    }

    private static async Task<Person?> PersonOfAsync(string token, Call call, Store store, Tickets tickets, PeopleDirectory people)
    {
        var userId = await store.ReadAsync(SystemJob.People, async db => (await tickets.FindAsync(db, TicketKind.PasswordReset, token))?.UserId, call.Aborted);
        return userId is null ? null : await people.FindAsync(userId, call.Aborted);
    }
}
