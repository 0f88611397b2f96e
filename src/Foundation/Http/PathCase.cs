using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.AspNetCore.Routing.Patterns;

namespace Crew.Http;

/// <summary>
/// Holds paths to the case in which they are written (RFC 3986, section 6.2.2.1). Routing would take /V1/API-KEYS for /v1/api-keys:
/// then a proxy in front that closes a path is passed by, and the dialect, which looks at the path alone, is another than the route's.
/// </summary>
internal static class PathCase
{
    /// <summary>Leaves a request without an endpoint, as any unknown path is, where it was matched by another case.</summary>
    public static void Hold(HttpContext http)
    {
        var path = http.Request.Path.Value.AsSpan();
        if (path.ContainsAnyInRange('A', 'Z') && http.GetEndpoint() is RouteEndpoint endpoint && !IsWrittenLike(path, endpoint.RoutePattern))
        {
            http.SetEndpoint(null);
        }
    }

    private static bool IsWrittenLike(ReadOnlySpan<char> path, RoutePattern pattern)
    {
        foreach (var segment in pattern.PathSegments)
        {
            path = path.TrimStart('/');
            var end = path.IndexOf('/') is var slash and >= 0 ? slash : path.Length;
            if (segment is { IsSimple: true, Parts: [RoutePatternLiteralPart literal] } && !path[..end].SequenceEqual(literal.Content))
            {
                return false;
            }

            path = path[end..];
        }

        return true;
    }
}
