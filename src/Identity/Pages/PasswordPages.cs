using Crew.Http;
using Crew.Identity.Accounts;
using Crew.Identity.Letters;
using Crew.Identity.Mfa;
using Crew.Identity.Passkeys;
using Crew.Identity.Sessions;
using Crew.Identity.SignIn;
using Crew.Kernel;
using Crew.Storage;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.EntityFrameworkCore;

namespace Crew.Identity.Pages;

/// <summary>Changing the password, and proving who one is again by it (step-up). Both ask for the present one, also of whoever found a browser open.</summary>
internal static class PasswordPages
{
    private const string Wrong = "That is not your present password. After many tries wait a quarter of an hour.";

    public static void Map(RouteGroupBuilder pages)
    {
        pages.MapGet("/account/password", ShowPasswordAsync).WithName("Pages.Password").WithSummary("Change the password.").AsPage();
        pages.MapPost("/account/password", ChangeAsync).WithName("Pages.Password.Send").WithSummary("Set another password, and end all other sessions.").AsPage();
        pages.MapGet("/account/step-up", ShowStepUpAsync).WithName("Pages.StepUp").WithSummary("Prove again who one is.").AsPage();
        pages.MapPost("/account/step-up", ProveAsync).WithName("Pages.StepUp.Send").WithSummary("Judge the proof.").AsPage();
    }

    private static async Task<IResult> ShowPasswordAsync(Call call, Visits visits) =>
        await visits.FindAsync(call) is not { } visitor ? Visits.Away(call, "/sign-in")
        : LacksProof(visits, visitor) ? Visits.Away(call, "/account/step-up")
        : ShowChange(call, visitor, null);

    /// <summary>
    /// The session that follows a new password counts as just proven. Where a second factor opened the present one, the password alone does not give that.
    /// </summary>
    private static bool LacksProof(Visits visits, Visitor visitor) => visitor.Session.HasSecondFactor && !visits.IsProven(visitor);

    private static async Task<IResult> ShowStepUpAsync(Call call, Visits visits, PasskeyUse use) =>
        await visits.FindAsync(call) is { } visitor ? await ShowProofAsync(call, visitor, use, Visits.Next(call.Http.Request.Query["next"]), null) : Visits.Away(call, "/sign-in");

    private static IResult ShowChange(Call call, Visitor visitor, string? alert) => PageFrame.Show(call, "Change the password", Html.Of($"""
        {PageFrame.Alert(alert)}
        <form method="post" action="/account/password">{PageFrame.Csrf(visitor)}
        {Present}
        {WelcomePage.Password("New password")}
        <button>Change the password</button>
        </form>
        <p class="soft">All other sessions of yours end with it.</p>
        """), alert is null ? 200 : 400, visitor);

    private static async Task<IResult> ShowProofAsync(Call call, Visitor visitor, PasskeyUse use, string next, string? alert)
    {
        var asked = await use.AskAsync(call, Ceremony.StepUp, visitor.Session.Id, visitor.Person);
        var fields = Html.Of($"""{PageFrame.Csrf(visitor)}<input type="hidden" name="next" value="{next}">""");
        return PageFrame.Show(call, "Prove that it is you", Html.Of($"""
            <p>What you are about to do asks for a recent proof of who you are.</p>
            {PageFrame.Alert(alert)}
            {PasskeyPages.Form(asked, "/account/step-up/passkey", "Use a passkey", fields)}
            <form method="post" action="/account/step-up">{fields}
            {Present}
            {(visitor.Session.HasSecondFactor ? Code : Html.None)}
            <button>Go on</button>
            </form>
            """), alert is null ? 200 : 400, visitor, asksForPasskey: asked is not null);
    }

    private static Html Present => Html.Of($"""
        <label for="present">Present password</label>
        <input id="present" name="present" type="password" autocomplete="current-password" required>
        """);

    private static Html Code => Html.Of($"""
        <label for="code">Code of your authenticator app, or a recovery code</label>
        <input id="code" name="code" type="text" inputmode="numeric" autocomplete="one-time-code" required maxlength="40">
        """);

    private static async Task<IResult> ChangeAsync(
        Call call, Visits visits, PasswordSignIn passwords, PasswordDesk desk, Entry entry, SessionBook book, LetterQueue letters, TimeProvider clock)
    {
        if (await visits.FindAsync(call) is not { } visitor)
        {
            return Results.Redirect("/sign-in");
        }

        if (await visits.ReadAsync(call, visitor) is not { } form)
        {
            return PageFrame.CrossSite(call);
        }

        if (LacksProof(visits, visitor))
        {
            return Results.Redirect("/account/step-up?next=/account/password");
        }

        var judgedAt = clock.GetUtcNow();
        var judged = await passwords.JudgeAsync(call, visitor.Person.Email, form["present"]);
        if (judged.Failed(out var busy))
        {
            return PageFrame.Refused(call, busy);
        }

        if ((judged.Value is null ? Wrong : PasswordRules.Refusal(form["password"], visitor.Person.Email, visitor.Person.Name)) is { } alert)
        {
            return ShowChange(call, visitor, alert);
        }

        if (await desk.HashAsync(form["password"], call.Aborted) is not { } hash)
        {
            return PageFrame.Refused(call, IdentityFaults.Busy);
        }

        var changed = await entry.OpenAsync(call, visitor.Person.Id, visitor.Session.Methods, async db =>
        {
            var account = await entry.AccountAsync(db, visitor.Person.Id);
            (account.PasswordHash, account.PasswordChangedAt, account.Version) = (hash, clock.GetUtcNow(), account.Version + 1);
            await book.EndAllAsync(db, visitor.Person.Id);
            await letters.TellAsync(db, visitor.Person, "Your password was changed. All your other sessions have ended.");
            PersonEvents.Raise(db, visitor.Person, new Event("auth.password.changed", new Resource("user", visitor.Person.Id)));
            return null;
        }, judgedAt, visitor.Session.Id);
        return changed is null ? Results.Redirect("/account") : PageFrame.Refused(call, changed);
    }

    private static async Task<IResult> ProveAsync(
        Call call, Visits visits, PasswordSignIn passwords, SecondFactor factor, PasskeyUse use, Store store, TimeProvider clock)
    {
        if (await visits.FindAsync(call) is not { } visitor)
        {
            return Results.Redirect("/sign-in");
        }

        if (await visits.ReadAsync(call, visitor) is not { } form)
        {
            return PageFrame.CrossSite(call);
        }

        var judged = await passwords.JudgeAsync(call, visitor.Person.Email, form["present"]);
        if (judged.Failed(out var busy))
        {
            return PageFrame.Refused(call, busy);
        }

        if (judged.Value is null)
        {
            return await ShowProofAsync(call, visitor, use, Visits.Next(form["next"]), Wrong);
        }

        var proven = await store.ChangeAsync<bool>(SystemJob.People, visitor.OriginOf(call), async db =>
        {
            if (await SessionBook.Live(db, visitor.Person.Id).SingleOrDefaultAsync(s => s.Id == visitor.Session.Id) is not { } session)
            {
                return IdentityFaults.SessionEnded;
            }

            if (visitor.Session.HasSecondFactor && await factor.TakeAsync(call, db, visitor.Person.Id, form["code"]) is null)
            {
                return IdentityFaults.WrongCode;
            }

            session.ProvedAt = clock.GetUtcNow();
            SessionBook.Changed(db, session);
            return true;
        }, call.Aborted);
        if (proven.Fault == IdentityFaults.WrongCode)
        {
            await factor.CountAsync(call, visitor.Person.Id);
        }

        return !proven.Failed(out var fault) ? Results.Redirect(Visits.Next(form["next"]))
            : fault == IdentityFaults.WrongCode ? await ShowProofAsync(call, visitor, use, Visits.Next(form["next"]), fault.Message)
            : PageFrame.Refused(call, fault);
    }
}
