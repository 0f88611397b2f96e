using Crew.Http;
using Crew.Identity.Accounts;
using Crew.Identity.Invitations;
using Crew.Identity.SignIn;
using Crew.Kernel;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace Crew.Identity.Pages;

/// <summary>
/// Accepting an invitation. A new person sets a password; somebody with an account signs in to it first, so that a link alone never joins, or
/// takes, an account that is there already.
/// </summary>
internal static class InvitePage
{
    public static void Map(RouteGroupBuilder pages)
    {
        pages.MapGet("/invite/{token}", ShowAsync).WithName("Pages.Invite").WithSummary("Look at an invitation.").AsPage();
        pages.MapPost("/invite/{token}", HandleAsync).WithName("Pages.Invite.Send").WithSummary("Accept an invitation.").AsPage();
    }

    private static async Task<IResult> ShowAsync(string token, Call call, Visits visits, Invitees invitees) =>
        await invitees.FindAsync(token, call.Aborted) is { } found ? Show(call, token, found, await visits.FindAsync(call), null) : PageFrame.DeadLink(call);

    private static IResult Show(Call call, string token, Invitee found, Visitor? visitor, string? alert)
    {
        var offer = Html.Of($"""<p>You are invited to <strong>{found.Place}</strong> as <strong>{found.Invitation.Role}</strong>, under <strong>{found.Email}</strong>.</p>""");
        if (found.UserId is null)
        {
            return PageFrame.Show(call, "Join Crew", Html.Of($"""
                {offer}
                {PageFrame.Alert(alert)}
                <form method="post" action="/invite/{token}">
                <input type="hidden" name="username" autocomplete="username" value="{found.Email}">
                <label for="name">Your name</label><input id="name" name="name" type="text" autocomplete="name" maxlength="100">
                {WelcomePage.Password("Choose a password")}
                <button>Join</button>
                </form>
                """), alert is null ? 200 : 400);
        }

        var main = visitor is null
            ? Html.Of($"""<p>There is an account with this address. <a href="/sign-in?next={Uri.EscapeDataString($"/invite/{token}")}">Sign in to it</a> to join.</p>""")
            : visitor.Person.Id != found.UserId
                ? Html.Of($"""<p>You are signed in as {visitor.Person.Email}. Sign out, then open the link again.</p>""")
                : Html.Of($"""<form method="post" action="/invite/{token}">{PageFrame.Csrf(visitor)}<button>Join</button></form>""");
        return PageFrame.Show(call, "Join Crew", Html.Of($"{offer}{PageFrame.Alert(alert)}{main}"), alert is null ? 200 : 400, visitor);
    }

    private static async Task<IResult> HandleAsync(string token, Call call, Visits visits, Invitees invitees, PasswordDesk desk, Entry entry)
    {
        var visitor = await visits.FindAsync(call);
        if (await visits.ReadAsync(call, visitor) is not { } form)
        {
            return PageFrame.CrossSite(call);
        }

        if (await invitees.FindAsync(token, call.Aborted) is not { } found)
        {
            return PageFrame.DeadLink(call);
        }

        string? hash = null;
        if (found.UserId is null)
        {
            if (PasswordRules.Refusal(form["password"], found.Email, form["name"]) is { } weak)
            {
                return Show(call, token, found, null, weak);
            }

            hash = await desk.HashAsync(form["password"], call.Aborted);
            if (hash is null)
            {
                return PageFrame.Refused(call, IdentityFaults.Busy);
            }
        }
        else if (visitor?.Person.Id != found.UserId)
        {
            return Show(call, token, found, visitor, "Sign in to the account of this address first.");
        }

        var name = new string([.. form["name"].Trim().Where(c => !char.IsControl(c)).Take(100)]);
        var joined = await invitees.JoinAsync(call, token, found, hash, name.Length == 0 ? null : name);
        if (joined.Failed(out var fault))
        {
            return fault == Faults.NotFound ? PageFrame.DeadLink(call) : PageFrame.Refused(call, fault);
        }

        return visitor is null && await entry.OpenAsync(call, joined.Value, ["password"]) is { } stuck ? PageFrame.Refused(call, stuck) : Results.Redirect("/account");
    }
}
