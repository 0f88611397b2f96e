using Crew.Http;
using Crew.Identity.Accounts;
using Crew.Identity.Sessions;
using Crew.Kernel;
using Crew.Tenancy.Contracts;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;

namespace Crew.Identity.Pages;

/// <summary>Somebody who is signed in, looking at a page.</summary>
internal sealed record Visitor(LiveSession Session, Person Person, string CsrfToken)
{
    public Origin OriginOf(Call call) => call.OriginOf(PersonEvents.ActorOf(Person), Person.Changed);
}

/// <summary>A form that was sent by a page of ours.</summary>
internal sealed record PageForm(IFormCollection Fields)
{
    public string this[string name] => Fields[name].ToString();
}

/// <summary>Who looks at a page, and what their forms say.</summary>
internal sealed class Visits(SessionScheme scheme, PeopleDirectory people, IdentityOptions options, TimeProvider clock)
{
    private const int MostFormBytes = 64 * 1024;

    /// <summary>The visitor, or null when nobody is signed in at this browser.</summary>
    public async ValueTask<Visitor?> FindAsync(Call call)
    {
        var text = SessionCookie.Read(call.Http.Request, options);
        return await scheme.AliveAsync(text, call.Aborted) is { } session && await people.FindAsync(session.UserId, call.Aborted) is { } person
            ? new Visitor(session, person, SessionScheme.TokenFor(text!))
            : null;
    }

    /// <summary>Whether the visitor has proven who they are a short while ago.</summary>
    public bool IsProven(Visitor visitor) => visitor.Session.ProvedAt.AddMinutes(options.ProofMinutes) > clock.GetUtcNow();

    /// <summary>Sends somebody to sign in, or to prove themselves again, and back here after that.</summary>
    public static IResult Away(Call call, string to) => Results.Redirect($"{to}?next={Uri.EscapeDataString(call.Http.Request.Path)}");

    /// <summary>A path of this server to go to, as it stands in a header; anything else is the account's page (open redirect).</summary>
    public static string Next(string? wanted) =>
        wanted is ['/', not '/' and not '\\', ..] && Uri.TryCreate(wanted, UriKind.Relative, out _) && wanted.All(c => c is > ' ' and <= '~') ? wanted : "/account";

    /// <summary>
    /// Reads a form, if a page of this server sent it: browsers say so; one that does not say it names its origin, or carries the token that
    /// only our pages show.
    /// </summary>
    public async Task<PageForm?> ReadAsync(Call call, Visitor? visitor = null)
    {
        var request = call.Http.Request;
        var site = request.Headers["Sec-Fetch-Site"].ToString();
        if ((site.Length > 0 && site != "same-origin") || (site.Length == 0 && !IsOurs(request.Headers.Origin.ToString())) || !request.HasFormContentType)
        {
            return null;
        }

        if (call.Http.Features.Get<IHttpMaxRequestBodySizeFeature>() is { IsReadOnly: false } limit)
        {
            limit.MaxRequestBodySize = MostFormBytes;
        }

        var form = new PageForm(await FieldsOfAsync(request, call.Aborted));
        return visitor is null || site == "same-origin" || Sealing.ConstantTime.Equals(form["csrf"].AsSpan(), visitor.CsrfToken.AsSpan()) ? form : null;
    }

    /// <summary>A form that is none (U+0000, parts that do not end, an encoding that nobody reads any more) is the sender's fault: 400, as every broken body.</summary>
    private static async Task<IFormCollection> FieldsOfAsync(HttpRequest request, CancellationToken cancel)
    {
        try
        {
            return await request.ReadFormAsync(cancel);
        }
        catch (Exception broken) when (broken is InvalidDataException or NotSupportedException or IOException and not BadHttpRequestException && !cancel.IsCancellationRequested)
        {
            throw new BadHttpRequestException("The form is not well-formed.", broken);
        }
    }

    private bool IsOurs(string origin) => origin.Length == 0 || origin == options.PublicUrl.GetLeftPart(UriPartial.Authority);
}
