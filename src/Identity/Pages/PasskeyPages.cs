using Crew.Http;
using Crew.Identity.Accounts;
using Crew.Identity.Passkeys;
using Crew.Identity.Sessions;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace Crew.Identity.Pages;

/// <summary>Passkeys at a browser: signing in with one, proving oneself with one, and keeping one's own in order.</summary>
internal static class PasskeyPages
{
    /// <summary>What the cookie of a visit is made as.</summary>
    private const string VisitKind = "visit";

    public static void Map(RouteGroupBuilder pages)
    {
        pages.MapPost("/sign-in/passkey", SignInAsync).WithName("Pages.SignIn.Passkey").WithSummary("Judge a passkey and sign in.").AsPage();
        pages.MapPost("/account/step-up/passkey", ProveAsync).WithName("Pages.StepUp.Passkey").WithSummary("Judge a passkey as a recent proof.").AsPage();
        pages.MapGet("/account/passkeys/add", (Call call, Visits visits, PasskeyBook book) => BeginAsync(call, visits, book, null))
            .WithName("Pages.Passkeys.Add").WithSummary("Begin to add a passkey.").AsPage();
        pages.MapPost("/account/passkeys", AddAsync).WithName("Pages.Passkeys.Create").WithSummary("Add the passkey that the browser has made.").AsPage();
        pages.MapPost("/account/passkeys/{id}/name", RenameAsync).WithName("Pages.Passkeys.Name").WithSummary("Name a passkey.").AsPage();
        pages.MapPost("/account/passkeys/{id}/remove", RemoveAsync).WithName("Pages.Passkeys.Remove").WithSummary("Remove a passkey.").AsPage();
    }

    /// <summary>A form that asks for a passkey; nothing where there is no question. It stays hidden until the script has found that the browser knows passkeys.</summary>
    /// <param name="offers">Whether passkeys are offered in the field of the address, too.</param>
    public static Html Form(Question? asked, string action, string label, Html fields, bool offers = false) => asked is null ? Html.None : Html.Of($"""
        <form method="post" action="{action}" hidden data-options="{asked.PublicKey.GetRawText()}"{(offers ? new Html(" data-offer") : Html.None)}>
        {fields}
        <input type="hidden" name="state" value="{asked.State}">
        <input type="hidden" name="credential">
        <button class="second wide">{label}</button>
        <p class="alert" role="alert" hidden></p>
        </form>
        """);

    /// <summary>What ties a challenge to this browser before anybody is signed in.</summary>
    public static string VisitOf(Call call, BearerMint mint, IdentityOptions options)
    {
        if (mint.HashOf(VisitKind, SessionCookie.Read(call.Http.Request, SessionCookie.VisitName, options)) is { } known)
        {
            return known;
        }

        var (text, hash) = mint.Make(VisitKind);
        SessionCookie.Give(call.Http.Response, SessionCookie.VisitName, text, options);
        return hash;
    }

    /// <summary>A person's passkeys on the page of their account.</summary>
    public static Html List(IReadOnlyList<Passkey> passkeys, Visitor visitor, bool isAvailable) => Html.Of($"""
        <h3>Passkeys</h3>
        {(passkeys.Count == 0 ? Html.Of($"<p>None. A passkey signs you in by your device's own lock, and nobody can be tricked into typing it elsewhere.</p>") : Html.Of($"""
        <ul class="plain">{Html.Join(passkeys.Select(p => Row(p, visitor)))}</ul>
        """))}
        {(isAvailable ? Html.Of($"""<p><a href="/account/passkeys/add">Add a passkey</a></p>""") : Html.Of($"""<p class="hint">{PasskeyBook.Unavailable.Message}</p>"""))}
        """);

    private static Html Row(Passkey passkey, Visitor visitor) => Html.Of($"""
        <li><form method="post" action="/account/passkeys/{passkey.Id}/name" class="row">{PageFrame.Csrf(visitor)}
        <input name="name" type="text" required maxlength="{PasskeyBook.MostNameCharacters}" value="{passkey.Name}" aria-label="Name of the passkey {passkey.Name}">
        <button class="second">Rename</button></form>
        <form method="post" action="/account/passkeys/{passkey.Id}/remove" class="row">{PageFrame.Csrf(visitor)}
        <span class="soft">Added {passkey.CreatedAt:yyyy-MM-dd}, last used {passkey.LastUsedAt ?? passkey.CreatedAt:yyyy-MM-dd}</span>
        <button class="second" aria-label="Remove the passkey {passkey.Name}">Remove</button></form></li>
        """);

    private static async Task<IResult> SignInAsync(Call call, Visits visits, PasskeyUse use, BearerMint mint, IdentityOptions options)
    {
        if (await visits.ReadAsync(call) is not { } form)
        {
            return PageFrame.CrossSite(call);
        }

        var next = Visits.Next(form["next"]);
        var fault = await use.SignInAsync(call, VisitOf(call, mint, options), form["state"], form["credential"], form["email"].Trim());
        return fault is null ? Results.Redirect(next)
            : fault == PasskeyUse.Wrong ? await SignInPage.ShowAsync(call, use, mint, options, fault.Message, next, form["email"].Trim(), 401)
            : PageFrame.Refused(call, fault);
    }

    private static async Task<IResult> ProveAsync(Call call, Visits visits, PasskeyUse use)
    {
        if (await visits.FindAsync(call) is not { } visitor)
        {
            return Results.Redirect("/sign-in");
        }

        if (await visits.ReadAsync(call, visitor) is not { } form)
        {
            return PageFrame.CrossSite(call);
        }

        var fault = await use.ProveAsync(call, WhoOf(visitor), visitor.OriginOf(call), form["state"], form["credential"]);
        return fault is null ? Results.Redirect(Visits.Next(form["next"])) : PageFrame.Refused(call, fault);
    }

    private static async Task<IResult> BeginAsync(Call call, Visits visits, PasskeyBook book, string? alert)
    {
        if (await visits.FindAsync(call) is not { } visitor)
        {
            return Visits.Away(call, "/sign-in");
        }

        if (!visits.IsProven(visitor))
        {
            return Results.Redirect("/account/step-up?next=/account/passkeys/add");
        }

        var asked = await book.AskNewAsync(call, WhoOf(visitor));
        if (asked.Failed(out var fault))
        {
            return PageFrame.Refused(call, fault);
        }

        var fields = Html.Of($"""
            {PageFrame.Csrf(visitor)}
            <label for="name">Name</label>
            <input id="name" name="name" type="text" required maxlength="{PasskeyBook.MostNameCharacters}" value="Passkey" aria-describedby="what">
            <p class="hint" id="what">What you will know it by, such as the device that holds it.</p>
            """);
        return PageFrame.Show(call, "Add a passkey", Html.Of($"""
            <p>Your device keeps the passkey and opens it by its own lock: a fingerprint, your face or a PIN. It counts as both factors.</p>
            {PageFrame.Alert(alert)}
            <noscript><p class="alert">Passkeys need JavaScript, which this browser does not run here.</p></noscript>
            {Form(asked.Value, "/account/passkeys", "Make the passkey", fields)}
            <p><a href="/account">Back to your account</a></p>
            """), alert is null ? 200 : 400, visitor, asksForPasskey: true);
    }

    private static async Task<IResult> AddAsync(Call call, Visits visits, PasskeyBook book)
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
            return Results.Redirect("/account/step-up?next=/account/passkeys/add");
        }

        var added = await book.AddAsync(call, WhoOf(visitor), form["state"], form["credential"], form["name"]);
        if (added.Failed(out var fault))
        {
            return fault.Status == 400 ? await BeginAsync(call, visits, book, fault == PasskeyBook.Unanswered ? "That took too long, or did not come from this page. Try once more." : fault.Message)
                : PageFrame.Refused(call, fault);
        }

        return added.Value.RecoveryCodes.Count == 0 ? Results.Redirect("/account")
            : FactorPages.ShowCodes(call, "The passkey is added. All other sessions have ended.", added.Value.RecoveryCodes);
    }

    private static async Task<IResult> RenameAsync(string id, Call call, Visits visits, PasskeyBook book)
    {
        if (await visits.FindAsync(call) is not { } visitor)
        {
            return Results.Redirect("/sign-in");
        }

        if (await visits.ReadAsync(call, visitor) is not { } form)
        {
            return PageFrame.CrossSite(call);
        }

        var renamed = await book.RenameAsync(visitor.OriginOf(call), visitor.Person, id, form["name"]);
        return renamed.Failed(out var fault) ? PageFrame.Refused(call, fault) : Results.Redirect("/account");
    }

    private static async Task<IResult> RemoveAsync(string id, Call call, Visits visits, PasskeyBook book)
    {
        if (await visits.FindAsync(call) is not { } visitor)
        {
            return Results.Redirect("/sign-in");
        }

        if (await visits.ReadAsync(call, visitor) is null)
        {
            return PageFrame.CrossSite(call);
        }

        if (!visits.IsProven(visitor))
        {
            return Results.Redirect("/account/step-up?next=/account");
        }

        var removed = await book.RemoveAsync(visitor.OriginOf(call), visitor.Person, id);
        return removed.Failed(out var fault) ? PageFrame.Refused(call, fault) : Results.Redirect("/account");
    }

    private static SignedIn WhoOf(Visitor visitor) => new(visitor.Person, visitor.Session.Id, visitor.Session.Methods);
}
