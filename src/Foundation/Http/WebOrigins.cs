using Crew.Kernel;
using Microsoft.AspNetCore.Http;
using Microsoft.Net.Http.Headers;

namespace Crew.Http;

/// <summary>
/// Web pages that call by user tokens (CORS, in the terms of the Fetch standard). A page may read an answer when some workspace lists its
/// origin; what a token may do from there is a matter of the token's own workspace alone. Cookies never travel across origins, and keys
/// are refused from any page.
/// </summary>
public sealed class WebOrigins(IWorkspaceDirectory workspaces, PublicOrigin own)
{
    private const string ReadableHeaders =
        "ETag, Retry-After, X-Crew-Version, X-Crew-Sandbox, X-RateLimit-Limit, X-RateLimit-Remaining, X-RateLimit-Reset, X-RateLimit-Window, X-Request-Id";

    private const string SendableHeaders = "Authorization, Content-Type, Idempotency-Key, If-Match, If-None-Match, X-Crew-Id, X-Crew-Version";
    private const string Methods = "GET, POST, PUT, PATCH, DELETE";

    /// <summary>How long a browser may keep the answer to a preflight.</summary>
    private const string PreflightSeconds = "600";

    /// <summary>Whether a text is an origin as browsers send it: scheme, host and port, nothing more (RFC 6454 section 6.2).</summary>
    public static bool IsOrigin(string text) => Uri.TryCreate(text, UriKind.Absolute, out var uri) && uri.Scheme is "https" or "http" && OriginOf(uri) == text;

    /// <summary>Why a token of this workspace is refused from where the request comes from, if it is.</summary>
    public Fault? Refuse(HttpRequest request, WorkspaceView workspace) =>
        request.Headers.Origin is not { Count: > 0 } given || (given.ToString() is var origin && (origin == own.Value || workspace.AllowedOrigins.Contains(origin)))
            ? null
            : HttpFaults.OriginNotAllowed;

    /// <summary>Lets a page of a listed origin read the answer; true when that was a preflight, which is thereby answered.</summary>
    internal async ValueTask<bool> AdmitAsync(Call call)
    {
        var (request, headers) = (call.Http.Request, call.Http.Response.Headers);
        if (request.Headers.Origin is not { Count: 1 } given || given.ToString() is not { Length: > 0 } origin)
        {
            return false;
        }

        headers.Append(HeaderNames.Vary, HeaderNames.Origin);
        if (!await workspaces.IsListedOriginAsync(origin, call.Aborted))
        {
            return false;
        }

        headers.AccessControlAllowOrigin = origin;
        headers.AccessControlExposeHeaders = ReadableHeaders;
        if (!HttpMethods.IsOptions(request.Method) || request.Headers.AccessControlRequestMethod.Count == 0)
        {
            return false;
        }

        headers.AccessControlAllowMethods = Methods;
        headers.AccessControlAllowHeaders = SendableHeaders;
        headers.AccessControlMaxAge = PreflightSeconds;
        return true;
    }

    /// <summary>The origin of an address in the form of the header.</summary>
    internal static string OriginOf(Uri uri) => uri.IsDefaultPort ? $"{uri.Scheme}://{uri.IdnHost}" : $"{uri.Scheme}://{uri.IdnHost}:{uri.Port}";
}

/// <summary>This server's own origin, from the operator's setting alone.</summary>
public sealed record PublicOrigin(string Value)
{
    public static PublicOrigin Of(Uri publicUrl) => new(WebOrigins.OriginOf(publicUrl));
}
