using Crew.Http;

namespace Crew.Host;

/// <summary>The plain pages that stand until sign-in and console exist.</summary>
internal static class Pages
{
    private const string Home = """
        <!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
        <title>Crew</title>
        <style>
        body{font:16px/1.5 system-ui,sans-serif;max-width:42rem;margin:4rem auto;padding:0 1rem;color:#1d2430;background:#fff}
        a{color:#0b57d0}
        code{background:#f1f3f6;padding:.1em .3em;border-radius:3px}
        @media(prefers-color-scheme:dark){body{color:#e6e9ef;background:#14171c}
        a{color:#8ab4f8}code{background:#242932}}
        </style>
        <h1>Crew runs.</h1>
        <p>Signing in and the console are not part of this version yet. Until then everything is done with API keys and the command line.</p>
        <ul><li><a href="/docs">API reference</a></li><li><a href="/openapi/v1.json">OpenAPI document</a></li><li><a href="/health/ready">Health</a></li></ul>
        <p>Your first keys were printed at the first start, or written to the file beside the data folder that the log names.</p></html>
        """;

    public static void Map(WebApplication app)
    {
        foreach (var path in new[] { "/", "/sign-in" })
        {
            app.MapGet(path, (HttpContext http) =>
                {
                    http.Response.Headers.ContentSecurityPolicy = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; frame-ancestors 'none'";
                    return Results.Content(Home, "text/html; charset=utf-8");
                })
                .WithName(path == "/" ? "Pages.Home" : "Pages.SignIn").WithSummary("A plain page that says what this version can do.").WithTags("Pages")
                .ExcludeFromDescription()
                .AllowsAnonymous();
        }
    }
}
