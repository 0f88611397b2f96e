using System.Security.Cryptography;
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

namespace Crew.Identity.Pages;

/// <summary>The second step of signing in, and setting an authenticator app up or putting it away.</summary>
internal static class FactorPages
{
    public static void Map(RouteGroupBuilder pages)
    {
        pages.MapGet("/sign-in/factor", (Call call, SecondFactor factor, IdentityOptions options) => ShowAsync(call, factor, options, null, Visits.Next(call.Http.Request.Query["next"])))
            .WithName("Pages.Factor").WithSummary("Enter the code.").AsPage();
        pages.MapPost("/sign-in/factor/passkey", HandlePasskeyAsync).WithName("Pages.Factor.Passkey").WithSummary("Judge a passkey instead of a code.").AsPage();
        pages.MapPost("/sign-in/factor", HandleAsync).WithName("Pages.Factor.Send").WithSummary("Judge the code.").AsPage();
        pages.MapGet("/account/authenticator", BeginAsync).WithName("Pages.Authenticator").WithSummary("Show a new secret.").AsPage();
        pages.MapPost("/account/authenticator", ConfirmAsync).WithName("Pages.Authenticator.Send").WithSummary("Confirm it by its first code.").AsPage();
        pages.MapPost("/account/authenticator/remove", RemoveAsync).WithName("Pages.Authenticator.Remove").WithSummary("Put the app away.").AsPage();
    }

    /// <summary>The second step of whoever has come through the first; anybody else is sent there.</summary>
    private static async Task<IResult> ShowAsync(Call call, SecondFactor factor, IdentityOptions options, string? alert, string next, int status = 200)
    {
        if (await factor.AskAsync(call, SessionCookie.Read(call.Http.Request, SessionCookie.StepName, options)) is not var (hasApp, asked))
        {
            return alert is null ? Results.Redirect("/sign-in")
                : PageFrame.Show(call, "One more step", Html.Of($"""{PageFrame.Alert(alert)}<p><a href="/sign-in">Sign in again</a></p>"""), status);
        }

        var (label, hint) = hasApp ? ("Code of your authenticator app", "Without the app: one of your recovery codes.") : ("Recovery code", "Without your passkey: one of the codes that you kept.");
        return PageFrame.Show(call, "One more step", Html.Of($"""
            {PageFrame.Alert(alert)}
            {PasskeyPages.Form(asked, "/sign-in/factor/passkey", "Use a passkey", Html.Of($"""<input type="hidden" name="next" value="{next}">"""))}
            <form method="post" action="/sign-in/factor">
            <input type="hidden" name="next" value="{next}">
            <label for="code">{label}</label>
            <input id="code" name="code" type="text" {new Html(hasApp ? "inputmode=\"numeric\"" : "")} autocomplete="one-time-code" required maxlength="40" aria-describedby="other">
            <p class="hint" id="other">{hint}</p>
            <button>Go on</button>
            </form>
            """), status, asksForPasskey: asked is not null);
    }

    private static async Task<IResult> HandlePasskeyAsync(Call call, Visits visits, SecondFactor factor, IdentityOptions options)
    {
        if (await visits.ReadAsync(call) is not { } form)
        {
            return PageFrame.CrossSite(call);
        }

        var next = Visits.Next(form["next"]);
        var fault = await factor.FinishByPasskeyAsync(call, SessionCookie.Read(call.Http.Request, SessionCookie.StepName, options), form["state"], form["credential"]);
        if (fault is null)
        {
            SessionCookie.Take(call.Http.Response, options, SessionCookie.StepName);
            return Results.Redirect(next);
        }

        return fault == Faults.NotFound ? Results.Redirect("/sign-in")
            : fault == PasskeyUse.Wrong ? await ShowAsync(call, factor, options, fault.Message, next, 401)
            : PageFrame.Refused(call, fault);
    }

    private static async Task<IResult> HandleAsync(Call call, Visits visits, SecondFactor factor, IdentityOptions options)
    {
        if (await visits.ReadAsync(call) is not { } form)
        {
            return PageFrame.CrossSite(call);
        }

        var next = Visits.Next(form["next"]);
        var fault = await factor.FinishAsync(call, SessionCookie.Read(call.Http.Request, SessionCookie.StepName, options), form["code"]);
        if (fault is null)
        {
            SessionCookie.Take(call.Http.Response, options, SessionCookie.StepName);
            return Results.Redirect(next);
        }

        return fault == Faults.NotFound ? Results.Redirect("/sign-in")
            : fault == IdentityFaults.WrongCode ? await ShowAsync(call, factor, options, "That code is not right, or was used already. After five tries sign in again.", next, 401)
            : PageFrame.Refused(call, fault);
    }

    /// <summary>A new secret, each time the page is opened; it counts once it was confirmed.</summary>
    private static async Task<IResult> BeginAsync(Call call, Visits visits, Store store, Tickets tickets, IdentityOptions options)
    {
        if (await visits.FindAsync(call) is not { } visitor)
        {
            return Visits.Away(call, "/sign-in");
        }

        if (!visits.IsProven(visitor))
        {
            return Visits.Away(call, "/account/step-up");
        }

        var secret = RandomNumberGenerator.GetBytes(Totp.SecretBytes);
        var made = await store.ChangeAsync<SecretText>(SystemJob.People, visitor.OriginOf(call), async db =>
        {
            await tickets.EndAsync(db, TicketKind.TotpSetup, visitor.Person.Id);
            return tickets.Add(db, TicketKind.TotpSetup, visitor.Person.Id, TimeSpan.FromMinutes(options.StepMinutes), Convert.ToBase64String(secret));
        }, call.Aborted);
        return made.Failed(out var fault) ? PageFrame.Refused(call, fault) : ShowSecret(call, visitor, secret, made.Value.Reveal(), null);
    }

    private static IResult ShowSecret(Call call, Visitor visitor, byte[] secret, string step, string? alert)
    {
        var picture = new Html(QrPicture.Svg(Totp.Uri(secret, visitor.Person.Email)));
        return PageFrame.Show(call, "Set up an authenticator app", Html.Of($"""
            <p>Scan the picture with the app, or type the secret, and enter the code that it shows.</p>
            {picture}
            <p>Secret: <code>{string.Join(' ', Totp.Base32(secret).Chunk(4).Select(part => new string(part)))}</code></p>
            {PageFrame.Alert(alert)}
            <form method="post" action="/account/authenticator">{PageFrame.Csrf(visitor)}
            <input type="hidden" name="step" value="{step}">
            <label for="code">Code</label>
            <input id="code" name="code" type="text" inputmode="numeric" autocomplete="one-time-code" required maxlength="10">
            <button>Confirm</button>
            </form>
            """), alert is null ? 200 : 400, visitor);
    }

    private static async Task<IResult> ConfirmAsync(
        Call call, Visits visits, Store store, Tickets tickets, IdentitySeal seal, Entry entry, SessionBook book, LetterQueue letters, TimeProvider clock)
    {
        if (await visits.FindAsync(call) is not { } visitor)
        {
            return Results.Redirect("/sign-in");
        }

        if (await visits.ReadAsync(call, visitor) is not { } form)
        {
            return PageFrame.CrossSite(call);
        }

        var payload = await store.ReadAsync(SystemJob.People, async db =>
            await tickets.FindAsync(db, TicketKind.TotpSetup, form["step"]) is { } ticket && ticket.UserId == visitor.Person.Id ? tickets.Payload(ticket) : null, call.Aborted);
        if (payload is null)
        {
            return Results.Redirect("/account/authenticator");
        }

        var secret = Convert.FromBase64String(payload);
        if (Totp.Match(secret, form["code"], 0, clock.GetUtcNow()) is not { } step)
        {
            return ShowSecret(call, visitor, secret, form["step"], "That code is not right. Wait for the next one, and check the clock of the device.");
        }

        var (codes, hashes) = RecoveryCodes.Make();
        var fault = await entry.OpenAsync(call, visitor.Person.Id, ["password", "totp"], async db =>
        {
            if (await tickets.FindAsync(db, TicketKind.TotpSetup, form["step"]) is not { } ticket)
            {
                return Faults.NotFound;
            }

            tickets.Use(ticket);
            var account = await entry.AccountAsync(db, visitor.Person.Id);
            (account.TotpSealed, account.TotpStep, account.RecoveryHashes) = (seal.Seal("identity_accounts", "totp_sealed", visitor.Person.Id, secret.AsSpan()), step, hashes);
            account.Version++;
            await book.EndAllAsync(db, visitor.Person.Id);
            await letters.TellAsync(db, visitor.Person, "An authenticator app was set up for your account. All your other sessions have ended.");
            PersonEvents.Raise(db, visitor.Person, new Event("auth.mfa.enabled", new Resource("user", visitor.Person.Id)) { Changes = [new FieldChange("method", null, "totp")] });
            return null;
        }, present: visitor.Session.Id);
        return fault is not null ? PageFrame.Refused(call, fault) : ShowCodes(call, "The authenticator app is set up. All other sessions have ended.", codes);
    }

    /// <summary>Recovery codes, once.</summary>
    public static IResult ShowCodes(Call call, string done, IReadOnlyList<string> codes) => PageFrame.Show(call, "Keep these codes", Html.Of($"""
        {PageFrame.Note(done)}
        <p>Each of these recovery codes stands in once for a second factor that you have lost. They are shown now and never again: print them, or keep them
        where your passwords are.</p>
        <ul class="codes">{Html.Join(codes.Select(code => Html.Of($"<li>{code}</li>")))}</ul>
        <p><a href="/account">Go on to your account</a></p>
        """));

    private static async Task<IResult> RemoveAsync(Call call, Visits visits, Store store, Entry entry, SecondFactor factor, LetterQueue letters)
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
            return Results.Redirect("/account/step-up?next=/account");
        }

        var removed = await store.ChangeAsync<bool>(SystemJob.People, visitor.OriginOf(call), async db =>
        {
            if (await factor.TakeAsync(call, db, visitor.Person.Id, form["code"]) is null)
            {
                return IdentityFaults.WrongCode;
            }

            var account = await entry.AccountAsync(db, visitor.Person.Id);
            var hasPasskey = await PasskeyBook.HasAnyAsync(db, visitor.Person.Id);
            (account.TotpSealed, account.RecoveryHashes, account.Version) = (null, hasPasskey ? account.RecoveryHashes : [], account.Version + 1);
            await letters.TellAsync(db, visitor.Person, "The authenticator app of your account was put away.");
            PersonEvents.Raise(db, visitor.Person, new Event("auth.mfa.disabled", new Resource("user", visitor.Person.Id)) { Changes = [new FieldChange("method", "totp", null)] });
            return true;
        }, call.Aborted);
        if (removed.Fault == IdentityFaults.WrongCode)
        {
            await factor.CountAsync(call, visitor.Person.Id);
        }

        return removed.Failed(out var fault) ? PageFrame.Refused(call, fault) : Results.Redirect("/account");
    }
}
