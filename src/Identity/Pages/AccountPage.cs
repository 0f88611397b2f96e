using Crew.Http;
using Crew.Identity.Accounts;
using Crew.Identity.Passkeys;
using Crew.Identity.Sessions;
using Crew.Kernel;
using Crew.Storage;
using Crew.Tenancy.Contracts;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.EntityFrameworkCore;

namespace Crew.Identity.Pages;

/// <summary>What a person sees of themselves: workspaces, ways to sign in, and the browsers that are signed in.</summary>
internal static class AccountPage
{
    /// <summary>Names in user agents, the more particular ones first.</summary>
    private static readonly string[] Browsers = ["Edg/", "Firefox/", "Chrome/", "Safari/", "curl/"];

    public static void Map(RouteGroupBuilder pages)
    {
        pages.MapGet("/account", ShowAsync).WithName("Pages.Account").WithSummary("The account of whoever is signed in.").AsPage();
        pages.MapPost("/account/sessions/{id}/revoke", RevokeAsync).WithName("Pages.Account.Revoke").WithSummary("End one of one's sessions.").AsPage();
        pages.MapPost("/account/name", RenameAsync).WithName("Pages.Account.Name").WithSummary("Say under which name others see one.").AsPage();
    }

    private static async Task<IResult> ShowAsync(
        Call call, Visits visits, Store store, IdentitySeal seal, IWorkspaceDirectory workspaces, PasskeyBook book, PasskeyVerifier verifier)
    {
        if (await visits.FindAsync(call) is not { } visitor)
        {
            return Visits.Away(call, "/sign-in");
        }

        var (account, sessions) = await store.ReadAsync(SystemJob.People, async db =>
        {
            var now = store.Node.GetUtcNow();
            var live = await SessionBook.Live(db, visitor.Person.Id).AsNoTracking().Where(s => s.ExpiresAt > now).OrderByDescending(s => s.Id).ToListAsync(call.Aborted);
            return (await db.Set<Account>().AsNoTracking().SingleOrDefaultAsync(a => a.UserId == visitor.Person.Id, call.Aborted), live);
        }, call.Aborted);
        var passkeys = await book.OfAsync(visitor.Person.Id, call.Aborted);
        var places = await PlacesAsync(visitor.Person, workspaces, call.Aborted);
        var main = Html.Of($"""
            {PageFrame.Alert(Due(account, passkeys.Count > 0, visitor))}
            <p>{visitor.Person.Email}{(visitor.Person.IsVerified ? "" : " (not verified)")} <a href="/account/email">Change the address</a></p>
            <form method="post" action="/account/name">{PageFrame.Csrf(visitor)}
            <label for="name">Name</label><input id="name" name="name" type="text" autocomplete="name" maxlength="100" value="{visitor.Person.Name}">
            <button class="second">Save the name</button></form>
            <h2>Workspaces</h2>
            <ul>{Html.Join(places)}</ul>
            <h2>Signing in</h2>
            {Factors(account, visitor)}
            {PasskeyPages.List(passkeys, visitor, verifier.IsAvailable)}
            <h2>Where you are signed in</h2>
            <div class="scroll" tabindex="0"><table>
            <thead><tr><th scope="col">Browser</th><th scope="col">Address</th><th scope="col">Last used</th><th scope="col"><span class="soft">End</span></th></tr></thead>
            <tbody>{Html.Join(sessions.Select(s => Row(SessionRoutes.AnswerOf(s, visitor.Session.Id, seal), visitor)))}</tbody></table></div>
            """);
        return PageFrame.Show(call, "Your account", main, visitor: visitor);
    }

    private static Html App(Account account, Visitor visitor) => Html.Of($"""
        <p>Authenticator app: set up, {account.RecoveryHashes.Count} recovery codes left. <a href="/account/authenticator">Set up another one</a></p>
        <form method="post" action="/account/authenticator/remove">{PageFrame.Csrf(visitor)}
        <label for="code">Code, to put the app away</label><input id="code" name="code" type="text" autocomplete="one-time-code" required maxlength="40">
        <button class="second">Put the app away</button></form>
        """);

    private static string? Due(Account? account, bool hasPasskey, Visitor visitor) =>
        visitor.Person.Places.Count == 0 ? "You belong to no workspace any more. Ask an Owner or Admin to add you again."
        : account is { MfaDueAt: { } due, TotpSealed: null } && !hasPasskey
            ? FormattableString.Invariant($"Your workspace asks for a second factor. Add a passkey or an authenticator app before {due:yyyy-MM-dd HH:mm} UTC; after that only this page is open.")
            : null;

    private static async Task<List<Html>> PlacesAsync(Person person, IWorkspaceDirectory workspaces, CancellationToken cancel)
    {
        var list = new List<Html>();
        foreach (var place in person.Places)
        {
            if (await workspaces.FindAsync(place.OrganizationId, place.WorkspaceId!, cancel) is { } workspace)
            {
                list.Add(Html.Of($"<li>{workspace.Name} <span class=\"soft\">{person.RightsIn(workspace)?.Role ?? "by a role of the organization"}, {workspace.Id}</span></li>"));
            }
        }

        return list;
    }

    private static Html Factors(Account? account, Visitor visitor) => Html.Of($"""
        <p>Password: {(account?.PasswordHash is null ? "none" : FormattableString.Invariant($"set {account.PasswordChangedAt:yyyy-MM-dd}"))}. <a href="/account/password">Change the password</a></p>
        {(account?.TotpSealed is null ? Html.Of($"""<p>Authenticator app: none. <a href="/account/authenticator">Set one up</a></p>""") : App(account, visitor))}
        """);

    private static Html Row(SessionRoutes.Answer session, Visitor visitor) => Html.Of($"""
        <tr><td>{Browser(session.UserAgent)}{(session.IsCurrent ? " (this one)" : "")}</td><td>{session.IpAddress}</td><td>{session.LastSeenAt:yyyy-MM-dd HH:mm} UTC</td>
        <td><form method="post" action="/account/sessions/{session.Id}/revoke">{PageFrame.Csrf(visitor)}
        <button class="second" aria-label="End the session of {Browser(session.UserAgent)}">End</button></form></td></tr>
        """);

    /// <summary>The part of a user agent that people know their browser by.</summary>
    private static string Browser(string? agent) =>
        agent is null ? "unknown" : Browsers.FirstOrDefault(name => agent.Contains(name, StringComparison.Ordinal)) is { } known
            ? (known == "Edg/" ? "Edge" : known.TrimEnd('/'))
            : agent[..Math.Min(agent.Length, 30)];

    private static async Task<IResult> RevokeAsync(string id, Call call, Visits visits, Store store, SessionBook book, IdentityOptions options)
    {
        if (await visits.FindAsync(call) is not { } visitor)
        {
            return Results.Redirect("/sign-in");
        }

        if (await visits.ReadAsync(call, visitor) is null)
        {
            return PageFrame.CrossSite(call);
        }

        var ended = await SessionRoutes.EndAsync(store, book, visitor.Person, id, "session.revoked", visitor.OriginOf(call));
        if (ended.Failed(out var fault) && fault != Faults.NotFound)
        {
            return PageFrame.Refused(call, fault);
        }

        if (id == visitor.Session.Id)
        {
            SessionCookie.Take(call.Http.Response, options);
        }

        return Results.Redirect("/account");
    }

    private static async Task<IResult> RenameAsync(Call call, Visits visits, Store store, PeopleRegister register)
    {
        if (await visits.FindAsync(call) is not { } visitor)
        {
            return Results.Redirect("/sign-in");
        }

        if (await visits.ReadAsync(call, visitor) is not { } form)
        {
            return PageFrame.CrossSite(call);
        }

        var name = form["name"].Trim();
        if (name.Length > 100 || name.Any(char.IsControl))
        {
            return PageFrame.Refused(call, Faults.Invalid("name", "A name has at most 100 characters, and none that control a terminal."));
        }

        var renamed = await store.ChangeAsync<bool>(SystemJob.People, visitor.OriginOf(call), async db =>
        {
            await register.RenameAsync(db, visitor.Person.Id, name.Length == 0 ? null : name);
            PersonEvents.Raise(db, visitor.Person, new Event("user.updated", new Resource("user", visitor.Person.Id)));
            return true;
        }, call.Aborted);
        return renamed.Failed(out var fault) ? PageFrame.Refused(call, fault) : Results.Redirect("/account");
    }
}
