using System.Collections.Concurrent;
using System.Reflection;
using System.Security.Cryptography;
using Crew.Host.Docs;
using Crew.Http;
using Crew.Kernel;
using Microsoft.Net.Http.Headers;

namespace Crew.Host;

/// <summary>
/// The console: one page for every address of its own, and the files that the page loads. They are made by npm (<c>console/</c>), lie in this
/// assembly, each beside its compressed copies, and know the server by its public API alone.
/// </summary>
internal static class ConsoleSite
{
    private const string Root = "Crew.Console/";

    private const string Index = "index.html";

    /// <summary>Nothing is loaded from or sent to elsewhere, nothing inline runs or styles, no text becomes script, nobody frames the page.</summary>
    private const string Policy =
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'self'; "
        + "frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'";

    /// <summary>In the order of preference; the names are those of Accept-Encoding (RFC 9110, section 8.4.1).</summary>
    private static readonly (string Name, string Suffix)[] Encodings = [("br", ".br"), ("gzip", ".gz")];

    private static readonly Assembly Home = typeof(ConsoleSite).Assembly;

    private static readonly HashSet<string> Files =
        [.. Home.GetManifestResourceNames().Where(n => n.StartsWith(Root, StringComparison.Ordinal)).Select(n => n[Root.Length..])];

    private static readonly ConcurrentDictionary<string, EntityTagHeaderValue> Tags = new(StringComparer.Ordinal);

    private const string Absent = """
        <h1>Crew runs.</h1>
        <p class="lead">This build holds no console. <a href="/sign-in">Sign in</a> to your account; the rest is done with the API and the command line.</p>
        <ul>
        <li><a href="/docs">API reference</a>, with <a href="/docs/errors">error codes</a> and <a href="/docs/permissions">permissions</a></li>
        <li><a href="/openapi/v1.json">OpenAPI document</a></li>
        <li><a href="/health/ready">Health</a></li>
        </ul>
        """;

    /// <summary>Whether this build brings the console along.</summary>
    public static bool IsThere => Files.Contains(Index);

    public static void Map(WebApplication app)
    {
        foreach (var (path, name, summary) in new[]
        {
            ("/", "Console.Home", "The console."),
            ("/w/{**page}", "Console.Page", "A page of the console, below its workspace."),
        })
        {
            app.MapGet(path, Page).WithName(name).WithSummary(summary).WithTags("Pages").ExcludeFromDescription().AllowsAnonymous();
        }

        app.MapGet("/console/{file}", (string file, HttpContext http) => Files.Contains($"console/{file}") ? Send(http, $"console/{file}") : (Reply<string>)Faults.NotFound)
            .WithName("Console.File").WithSummary("A file of the console; its name changes with its content.").WithTags("Pages").ExcludeFromDescription().AllowsAnonymous();
    }

    private static IResult Page(HttpContext http)
    {
        if (!IsThere)
        {
            return DocsPages.Html(http, DocsLayout.Page("Welcome", Absent));
        }

        var headers = http.Response.Headers;
        headers.ContentSecurityPolicy = Policy;
        headers.XFrameOptions = "DENY";
        headers["Referrer-Policy"] = "same-origin";
        headers["Cross-Origin-Opener-Policy"] = "same-origin";
        return Send(http, Index);
    }

    private static IResult Send(HttpContext http, string file)
    {
        var (name, suffix) = Array.Find(Encodings, e => Files.Contains(file + e.Suffix) && Takes(http.Request, e.Name));
        var headers = http.Response.Headers;
        headers.Vary = HeaderNames.AcceptEncoding;
        headers.CacheControl = file == Index ? "no-cache" : "public, max-age=31536000, immutable";
        if (name is not null)
        {
            headers.ContentEncoding = name;
        }

        var resource = Root + file + suffix;
        return Results.Stream(Home.GetManifestResourceStream(resource)!, TypeOf(file), entityTag: Tags.GetOrAdd(resource, TagOf));
    }

    private static bool Takes(HttpRequest request, string encoding) =>
        request.GetTypedHeaders().AcceptEncoding.Any(accepted => accepted.Value.Equals(encoding, StringComparison.OrdinalIgnoreCase) && accepted.Quality is not 0);

    private static EntityTagHeaderValue TagOf(string resource)
    {
        using var stream = Home.GetManifestResourceStream(resource)!;
        return new EntityTagHeaderValue($"\"{Convert.ToHexStringLower(SHA256.HashData(stream)[..16])}\"");
    }

    private static string TypeOf(string file) => Path.GetExtension(file) switch
    {
        ".html" => "text/html; charset=utf-8",
        ".js" => "text/javascript; charset=utf-8",
        ".css" => "text/css; charset=utf-8",
        ".svg" => "image/svg+xml",
        _ => "application/octet-stream",
    };
}
