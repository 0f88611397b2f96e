using Crew.Http;
using Crew.Identity.Accounts;
using Crew.Identity.Passkeys;
using Crew.Identity.Sessions;
using Crew.Identity.SignIn;
using Crew.Kernel;
using Crew.Storage;
using Crew.Tenancy.Contracts;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace Crew.Identity.Pages;

/// <summary>
/// The link that the command line prints: whoever runs the machine lets a person in, for the first time or again. It sets a
/// password, and takes away second factors that were lost. Looking at it changes nothing, so that a mail scanner does not use it up.
/// </summary>
internal static class WelcomePage
{
    public static void Map(RouteGroupBuilder pages)
    {
        pages.MapGet("/welcome/{token}", ShowAsync).WithName("Pages.Welcome").WithSummary("Begin with a link that was printed.").AsPage();
        pages.MapPost("/welcome/{token}", HandleAsync).WithName("Pages.Welcome.Send").WithSummary("Set the password and sign in.").AsPage();
    }

    private static async Task<IResult> ShowAsync(string token, Call call, Store store, Tickets tickets, PeopleDirectory people) =>
        await PersonOfAsync(token, call, store, tickets, people) is { } person ? Show(call, token, person, null) : PageFrame.DeadLink(call);

    private static IResult Show(Call call, string token, Person person, string? alert) => PageFrame.Show(call, "Welcome to Crew", Html.Of($"""
        <p>Choose the password of <strong>{person.Email}</strong>. After that you are signed in.</p>
        {PageFrame.Alert(alert)}
        <form method="post" action="/welcome/{token}">
        <input type="hidden" name="username" autocomplete="username" value="{person.Email}">
        {Password("New password")}
        <button>Set password and sign in</button>
        </form>
        """), alert is null ? 200 : 400);

    /// <summary>The field of a new password, with what is asked of it.</summary>
    public static Html Password(string label) => Html.Of($"""
        <label for="password">{label}</label>
        <input id="password" name="password" type="password" autocomplete="new-password" required minlength="{PasswordRules.LeastCharacters}" aria-describedby="rules">
        <p class="hint" id="rules">At least {PasswordRules.LeastCharacters} characters, any of them. A few unrelated words make a good one.</p>
        """);

    private static async Task<IResult> HandleAsync(
        string token, Call call, Visits visits, Store store, Tickets tickets, PeopleDirectory people, PasswordDesk desk, Entry entry, SessionBook book, TimeProvider clock)
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

        var fault = await entry.OpenAsync(call, person.Id, ["password"], async db =>
        {
            if (await tickets.FindAsync(db, TicketKind.FirstSignIn, token) is not { } ticket)
            {
                return Faults.NotFound;
            }

            tickets.Use(ticket);
            var account = await entry.AccountAsync(db, person.Id);
            var hadFactor = await PasskeyBook.ClearAsync(db, person) || account.TotpSealed is not null;
            (account.PasswordHash, account.PasswordChangedAt, account.TotpSealed, account.RecoveryHashes) = (hash, clock.GetUtcNow(), null, []);
            (account.MfaDueAt, account.Version) = (hadFactor ? null : account.MfaDueAt, account.Version + 1);
            if (hadFactor)
            {
                PersonEvents.Raise(db, person, new Event("auth.mfa.disabled", new Resource("user", person.Id)) { Reason = "operator_link" });
            }

            await book.EndAllAsync(db, person.Id);
            PersonEvents.Raise(db, person, new Event("auth.password.changed", new Resource("user", person.Id)) { Reason = "operator_link" });
            return null;
        });
        return fault is null ? Results.Redirect("/account") : fault == Faults.NotFound ? PageFrame.DeadLink(call) : PageFrame.Refused(call, fault);
    }

    private static async Task<Person?> PersonOfAsync(string token, Call call, Store store, Tickets tickets, PeopleDirectory people)
    {
        var userId = await store.ReadAsync(SystemJob.People, async db => (await tickets.FindAsync(db, TicketKind.FirstSignIn, token))?.UserId, call.Aborted);
        return userId is null ? null : await people.FindAsync(userId, call.Aborted);
    }
}
