using System.Diagnostics;
using Crew.Kernel;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace Crew.Http;

/// <summary>Makes a span of each request, around the gate. Without a collector nothing is made and no frame is added to the request.</summary>
internal static class RequestSpans
{
    public static Task TraceAsync(HttpContext http, RequestDelegate next) =>
        Traces.Request(http.Request.Headers.TraceParent) is { } span ? WithinAsync(span, http, next) : next(http);

    private static async Task WithinAsync(Activity span, HttpContext http, RequestDelegate next)
    {
        using (span)
        {
            await next(http);
            Describe(span, http);
        }
    }

    private static void Describe(Activity span, HttpContext http)
    {
        if ((http.GetEndpoint() as RouteEndpoint)?.RoutePattern.RawText is { } route)
        {
            // Only of a known route: a client may call any word a method.
            span.DisplayName = $"{http.Request.Method} {route}";
            span.SetTag("http.request.method", http.Request.Method);
            span.SetTag("http.route", route);
        }

        span.SetTag("http.response.status_code", http.Response.StatusCode);
        if (http.Response.StatusCode >= 500)
        {
            span.SetStatus(ActivityStatusCode.Error);
        }

        if (http.Features.Get<Call>() is { } call)
        {
            span.SetTag("crew.request.id", call.RequestId);
            span.SetTag("crew.organization.id", call.Tenant?.OrganizationId);
            span.SetTag("crew.workspace.id", call.Tenant?.WorkspaceId);
            span.SetTag("crew.crew.id", call.CrewId);
            span.SetTag("crew.key.id", call.CallerOrNull?.Actor is { Type: "api_key" } key ? key.Id : null);
        }
    }
}
