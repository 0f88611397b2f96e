using Crew.Host.Docs;
using Crew.Http;

namespace Crew.Host;

/// <summary>The plain page that stands at the root until there is a console.</summary>
internal static class Pages
{
    private const string Home = """
        <h1>Crew runs.</h1>
        <p class="lead"><a href="/sign-in">Sign in</a> to your account. The console is not part of this version yet; until then the rest is done with the API and the command line.</p>
        <ul>
        <li><a href="/docs">API reference</a>, with <a href="/docs/errors">error codes</a> and <a href="/docs/permissions">permissions</a></li>
        <li><a href="/openapi/v1.json">OpenAPI document</a></li>
        <li><a href="/health/ready">Health</a></li>
        </ul>
        <p>Your sign-in link and first keys were printed at the first start, or written to the file beside the data folder that the log names. A first call:</p>
        <pre tabindex="0"><code>curl -s "$CREW/v1/me" -H "Authorization: Bearer $CREW_KEY"</code></pre>
        """;

    public static void Map(WebApplication app)
    {
        DocsPages.Map(app);
        app.MapGet("/", (HttpContext http) => DocsPages.Html(http, DocsLayout.Page("Welcome", Home)))
            .WithName("Pages.Home").WithSummary("A plain page that says what this version can do.").WithTags("Pages")
            .ExcludeFromDescription()
            .AllowsAnonymous();
    }
}
