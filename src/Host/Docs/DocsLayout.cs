using System.Net;

namespace Crew.Host.Docs;

/// <summary>The frame of every page: head, skip link, bar and, where there is one, navigation. Works without scripts.</summary>
internal static class DocsLayout
{
    public const string StylePath = "/docs/style.css";

    /// <summary>Nothing is loaded from elsewhere, nothing runs, nobody frames these pages.</summary>
    public const string Policy = "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

    public static string Style { get; } = Read("docs.css");

    public static string Page(string title, string main, string? navigation = null)
    {
        var side = navigation is null ? "" : $"<nav class=\"side\" aria-label=\"Operations\"><ul>\n{navigation}</ul></nav>\n";
        return $"""
            <!doctype html>
            <html lang="en">
            <head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><meta name="color-scheme" content="light dark">
            <title>{WebUtility.HtmlEncode(title)} · Crew</title><link rel="stylesheet" href="{StylePath}"></head>
            <body{(navigation is null ? "" : " class=\"with-side\"")}>
            <a class="skip" href="#main">Skip to the content</a>
            <header><a class="brand" href="/">Crew</a><nav aria-label="Documentation">
            <a href="/docs">API reference</a> <a href="/docs/errors">Errors</a> <a href="/docs/permissions">Permissions</a>
            </nav></header>
            {side}<main id="main" tabindex="-1">
            {main}
            </main>
            </body></html>
            """;
    }

    private static string Read(string name)
    {
        using var reader = new StreamReader(typeof(DocsLayout).Assembly.GetManifestResourceStream($"Crew.Host.Docs.{name}")!);
        return reader.ReadToEnd();
    }
}
