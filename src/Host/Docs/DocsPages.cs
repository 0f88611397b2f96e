using System.Text;
using Crew.Http;
using Crew.Http.OpenApi;

namespace Crew.Host.Docs;

/// <summary>The pages below <c>/docs</c>: made from the code and from docs/errors, each at its first request.</summary>
internal sealed class DocsPages
{
    private readonly Lazy<string> _reference;
    private readonly Lazy<string> _permissionsText;
    private readonly Lazy<string> _permissions;
    private readonly Lazy<string> _errors = new(ErrorIndex);

    public DocsPages(ApiDocument document)
    {
        _reference = new Lazy<string>(() => new ReferencePage(document.Root).Render());
        _permissionsText = new Lazy<string>(() => PermissionTables.Markdown(document.Root));
        _permissions = new Lazy<string>(() => DocsLayout.Page("Permissions", MarkdownText.ToHtml(_permissionsText.Value, LinkFromDocs)));
    }

    public static void Map(WebApplication app)
    {
        Page(app, "/docs", "Docs.Reference", "The API reference.", (pages, _) => pages._reference.Value);
        Page(app, "/docs/errors", "Docs.Errors", "All error codes.", (pages, _) => pages._errors.Value);
        Page(app, "/docs/errors/{code}", "Docs.Error", "What an error code means and how to mend it.", (_, code) => Error(code!));
        Page(app, "/docs/permissions", "Docs.Permissions", "Endpoints and roles with their permissions.", (pages, _) => pages._permissions.Value);
        app.MapGet("/docs/permissions.md", (DocsPages pages) => Results.Text(pages._permissionsText.Value, "text/markdown; charset=utf-8"))
            .WithName("Docs.PermissionsText").WithSummary("The page of permissions as Markdown.").WithTags("Pages").ExcludeFromDescription().AllowsAnonymous();
        app.MapGet(DocsLayout.StylePath, (HttpContext http) =>
            {
                http.Response.Headers.CacheControl = "public, max-age=300";
                return Results.Text(DocsLayout.Style, "text/css; charset=utf-8");
            })
            .WithName("Docs.Style").WithSummary("The look of the pages.").WithTags("Pages").ExcludeFromDescription().AllowsAnonymous();
    }

    /// <summary>Answers with a page under the strict policy.</summary>
    public static IResult Html(HttpContext http, string html, int status = StatusCodes.Status200OK)
    {
        http.Response.Headers.ContentSecurityPolicy = DocsLayout.Policy;
        http.Response.Headers["Referrer-Policy"] = "no-referrer";
        return Results.Content(html, "text/html; charset=utf-8", Encoding.UTF8, status);
    }

    private const string Missing = "<h1>There is no such page.</h1>\n<p>All codes are in the <a href=\"/docs/errors\">index of errors</a>.</p>";

    private static void Page(WebApplication app, string path, string name, string summary, Func<DocsPages, string?, string?> render) =>
        app.MapGet(path, (HttpContext http, DocsPages pages) => render(pages, http.Request.RouteValues["code"] as string) is { } html
                ? Html(http, html)
                : Html(http, DocsLayout.Page("Not found", Missing), StatusCodes.Status404NotFound))
            .WithName(name).WithSummary(summary).WithTags("Pages").ExcludeFromDescription().AllowsAnonymous();

    private static string? Error(string code)
    {
        if (!ErrorPages.All.TryGetValue(code, out var page))
        {
            return null;
        }

        var main = $"<p class=\"soft\"><a href=\"/docs/errors\">All errors</a></p>\n{MarkdownText.ToHtml(page.Markdown, LinkFromErrors)}";
        return DocsLayout.Page(code, main);
    }

    private static string ErrorIndex()
    {
        var html = new StringBuilder("<h1>Errors</h1>\n<p class=\"lead\">Every refusal carries one of these codes, in <code>error.code</code>. "
            + "The code and the status stay; the wording of a message may change.</p>\n<div class=\"scroll\" tabindex=\"0\"><table><thead><tr>"
            + "<th scope=\"col\">Code</th><th scope=\"col\">Status</th><th scope=\"col\">Meaning</th></tr></thead><tbody>\n");
        foreach (var page in ErrorPages.All.Values)
        {
            html.Append($"<tr><td><a href=\"/docs/errors/{page.Code}\"><code>{page.Code}</code></a></td><td>{page.Status}</td>");
            html.Append($"<td>{MarkdownText.Inline(page.Meaning, LinkFromErrors)}</td></tr>\n");
        }

        return DocsLayout.Page("Errors", html.Append("</tbody></table></div>\n").ToString());
    }

    private static string? LinkFromErrors(string target) =>
        target.EndsWith(".md", StringComparison.Ordinal) && ErrorPages.All.ContainsKey(target[..^3]) ? $"/docs/errors/{target[..^3]}" : null;

    private static string? LinkFromDocs(string target) =>
        target.StartsWith("../errors/", StringComparison.Ordinal) ? LinkFromErrors(target["../errors/".Length..]) : null;
}
