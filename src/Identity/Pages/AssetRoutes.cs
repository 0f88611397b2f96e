using Crew.Http;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace Crew.Identity.Pages;

/// <summary>The look of the pages.</summary>
internal static class AssetRoutes
{
    public static void Map(RouteGroupBuilder pages)
    {
        pages.MapGet(PageFrame.StylePath, (HttpContext http) => Part(http, PageFrame.Style, "text/css; charset=utf-8"))
            .WithName("Pages.Style").WithSummary("A part of the pages.").AllowsAnonymous();
        pages.MapGet(PageFrame.ScriptPath, (HttpContext http) => Part(http, PageFrame.Script, "text/javascript; charset=utf-8"))
            .WithName("Pages.Script").WithSummary("A part of the pages.").AllowsAnonymous();
    }

    private static IResult Part(HttpContext http, string text, string type)
    {
        http.Response.Headers.CacheControl = "public, max-age=300";
        return Results.Text(text, type);
    }
}
