using Crew.Http;
using Crew.Identity.Accounts;
using Crew.Identity.Mfa;
using Crew.Identity.Passkeys;
using Crew.Identity.Sessions;
using Crew.Identity.SignIn;
using Crew.Storage;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace Crew.Identity.Pages;

/// <summary>Signing in by address and password, and signing out.</summary>
internal static class SignInPage
{
    private const string Wrong = "That did not work. Check the address and the password. After many tries wait a quarter of an hour.";

    public static void Map(RouteGroupBuilder pages)
    {
        pages.MapGet("/sign-in", (Call call, PasskeyUse use, BearerMint mint, IdentityOptions options) =>
                ShowAsync(call, use, mint, options, null, Visits.Next(call.Http.Request.Query["next"]), ""))
            .WithName("Pages.SignIn").WithSummary("Sign in.").AsPage();
        pages.MapPost("/sign-in", HandleAsync).WithName("Pages.SignIn.Send").WithSummary("Judge an address and a password.").AsPage();
        pages.MapPost("/account/sign-out", SignOutAsync).WithName("Pages.SignOut").WithSummary("End this session.").AsPage();
    }

    public static async Task<IResult> ShowAsync(
        Call call, PasskeyUse use, BearerMint mint, IdentityOptions options, string? alert, string next, string email, int status = 200)
    {
        var fields = Html.Of($"""<input type="hidden" name="next" value="{next}"><input type="hidden" name="email">""");
        var asked = await use.AskAsync(call, Ceremony.SignIn, PasskeyPages.VisitOf(call, mint, options), null);
        return Show(call, alert, next, email, PasskeyPages.Form(asked, "/sign-in/passkey", "Sign in with a passkey", fields, offers: alert is null), status);
    }

    private static IResult Show(Call call, string? alert, string next, string email, Html passkey, int status) => PageFrame.Show(call, "Sign in", Html.Of($"""
        {PageFrame.Alert(alert)}
        <form method="post" action="/sign-in">
        <input type="hidden" name="next" value="{next}">
        <label for="email">E-mail</label>
        <input id="email" name="email" type="email" autocomplete="username webauthn" required maxlength="254" value="{email}">
        <label for="password">Password</label>
        <input id="password" name="password" type="password" autocomplete="current-password" required>
        <button>Sign in</button>
        </form>
        {passkey}
        <p><a href="/reset">Forgot the password?</a></p>
        """), status, asksForPasskey: true);

    private static async Task<IResult> HandleAsync(
        Call call, Visits visits, PasswordSignIn passwords, Entry entry, SecondFactor factor, PasskeyUse use, BearerMint mint, IdentityOptions options,
        TimeProvider clock)
    {
        if (await visits.ReadAsync(call) is not { } form)
        {
            return PageFrame.CrossSite(call);
        }

        var next = Visits.Next(form["next"]);
        var judgedAt = clock.GetUtcNow();
        var judged = await passwords.JudgeAsync(call, form["email"].Trim(), form["password"]);
        if (judged.Failed(out var busy))
        {
            return PageFrame.Refused(call, busy);
        }

        if (judged.Value is not { } person)
        {
            return await ShowAsync(call, use, mint, options, Wrong, next, form["email"].Trim(), 401);
        }

        if (await factor.IsAskedAsync(person.Id, call.Aborted))
        {
            var step = await factor.BeginAsync(person.Id, judgedAt, call.Aborted);
            if (step.Failed(out var stuck))
            {
                return PageFrame.Refused(call, stuck);
            }

            SessionCookie.Give(call.Http.Response, SessionCookie.StepName, step.Value, options);
            return Results.Redirect($"/sign-in/factor?next={Uri.EscapeDataString(next)}");
        }

        return await entry.OpenAsync(call, person.Id, ["password"], judgedAt: judgedAt) is { } fault ? PageFrame.Refused(call, fault) : Results.Redirect(next);
    }

    private static async Task<IResult> SignOutAsync(Call call, Visits visits, Store store, SessionBook book, IdentityOptions options)
    {
        if (await visits.FindAsync(call) is not { } visitor)
        {
            return Results.Redirect("/sign-in");
        }

        if (await visits.ReadAsync(call, visitor) is null)
        {
            return PageFrame.CrossSite(call);
        }

        await SessionRoutes.EndAsync(store, book, visitor.Person, visitor.Session.Id, "auth.logout", call.OriginOf(PersonEvents.ActorOf(visitor.Person)));
        SessionCookie.Take(call.Http.Response, options);
        return Results.Redirect("/sign-in");
    }
}
