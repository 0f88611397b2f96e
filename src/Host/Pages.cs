using Crew.Host.Docs;
using Crew.Http;

namespace Crew.Host;

/// <summary>The plain pages that stand until sign-in and console exist.</summary>
internal static class Pages
{
    private const string Home = """
        <h1>Crew runs.</h1>
        <p class="lead">Signing in and the console are not part of this version yet. Until then everything is done with API keys and the command line.</p>
        <ul>
        <li><a href="/docs">API reference</a>, with <a href="/docs/errors">error codes</a> and <a href="/docs/permissions">permissions</a></li>
        <li><a href="/openapi/v1.json">OpenAPI document</a></li>
        <li><a href="/health/ready">Health</a></li>
        </ul>
        <p>Your first keys were printed at the first start, or written to the file beside the data folder that the log names. A first call:</p>
        <pre tabindex="0"><code>curl -s "$CREW/v1/me" -H "Authorization: Bearer $CREW_KEY"</code></pre>
        """;

    public static void Map(WebApplication app)
    {
        DocsPages.Map(app);
        foreach (var path in new[] { "/", "/sign-in" })
        {
            app.MapGet(path, (HttpContext http) => DocsPages.Html(http, DocsLayout.Page("Welcome", Home)))
                .WithName(path == "/" ? "Pages.Home" : "Pages.SignIn").WithSummary("A plain page that says what this version can do.").WithTags("Pages")
                .ExcludeFromDescription()
                .AllowsAnonymous();
        }
    }
}
