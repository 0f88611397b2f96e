using System.Text;
using Crew.Http;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;

namespace Crew.Identity.Pages;

/// <summary>The frame of the pages: they work without a script where no passkey is asked for, load nothing from elsewhere, and nobody frames or caches them.</summary>
internal static class PageFrame
{
    public const string StylePath = "/assets/pages.css";

    /// <summary>The one script: it asks the browser for a passkey.</summary>
    public const string ScriptPath = "/assets/passkeys.js";

    private const string Policy = "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

    public static string Style { get; } = Read("pages.css");

    public static string Script { get; } = Read("passkeys.js");

    /// <summary>A page with a title, which is its first heading as well.</summary>
    /// <param name="asksForPasskey">Whether the page works with the script.</param>
    public static IResult Show(Call call, string title, Html main, int status = 200, Visitor? visitor = null, bool asksForPasskey = false)
    {
        var headers = call.Http.Response.Headers;
        headers.ContentSecurityPolicy = asksForPasskey ? $"{Policy}; script-src 'self'" : Policy;
        headers["Referrer-Policy"] = "no-referrer";
        headers.XFrameOptions = "DENY";
        headers.CacheControl = "no-store";
        var bar = visitor is null ? Html.None : Html.Of($"""
            <nav aria-label="Account"><a href="/">Console</a><a href="/account">{visitor.Person.Name ?? visitor.Person.Email}</a>
            <form method="post" action="/account/sign-out"><input type="hidden" name="csrf" value="{visitor.CsrfToken}"><button class="plain">Sign out</button></form></nav>
            """);
        var page = Html.Of($"""
            <!doctype html>
            <html lang="en">
            <head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><meta name="color-scheme" content="light dark">
            <title>{title} · Crew</title><link rel="stylesheet" href="{StylePath}">{(asksForPasskey ? Html.Of($"""<script src="{ScriptPath}" defer></script>""") : Html.None)}</head>
            <body>
            <a class="skip" href="#main">Skip to the content</a>
            <header><a class="brand" href="/">Crew</a><span class="soft">{call.Http.RequestServices.GetRequiredService<IdentityOptions>().PublicUrl.Authority}</span>{bar}</header>
            <main id="main" tabindex="-1"><h1>{title}</h1>
            {main}
            </main>
            </body></html>
            """);
        return Results.Content(page.Text, "text/html; charset=utf-8", Encoding.UTF8, status);
    }

    /// <summary>Says what was wrong, above the form, and has it read out.</summary>
    public static Html Alert(string? message) => message is null ? Html.None : Html.Of($"""<p class="alert" role="alert">{message}</p>""");

    public static Html Note(string message) => Html.Of($"""<p class="note" role="status">{message}</p>""");

    /// <summary>What a form carries so that a browser that does not say where it comes from can send it, too.</summary>
    public static Html Csrf(Visitor visitor) => Html.Of($"""<input type="hidden" name="csrf" value="{visitor.CsrfToken}">""");

    public static IResult CrossSite(Call call) => Show(call, "That did not come from here", Html.Of($"""
        <p>The form was sent by another site, or by a page that is too old. Nothing was changed. <a href="/account">Go on from your account</a>.</p>
        """), 403);

    public static IResult Refused(Call call, Kernel.Fault fault)
    {
        if (fault.RetryAfterSeconds is { } seconds)
        {
            call.Http.Response.Headers.RetryAfter = seconds.ToString(System.Globalization.CultureInfo.InvariantCulture);
        }

        return Show(call, "That did not work", Html.Of($"""<p>{fault.Message}</p>"""), fault.Status);
    }

    /// <summary>One answer for a link that was used, is over, was taken back, or never was one.</summary>
    public static IResult DeadLink(Call call) => Show(call, "This link does not work any more", Html.Of($"""
        <p>It was used already, its time is over, or it was not copied whole. Ask whoever sent it for a new one, or <a href="/sign-in">sign in</a>.</p>
        """), 404);

    private static string Read(string name)
    {
        using var reader = new StreamReader(typeof(PageFrame).Assembly.GetManifestResourceStream($"Crew.Identity.Pages.{name}")!);
        return reader.ReadToEnd();
    }
}
