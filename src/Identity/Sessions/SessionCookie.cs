using Crew.Kernel;
using Microsoft.AspNetCore.Http;

namespace Crew.Identity.Sessions;

/// <summary>
/// Cookies of this module: sent to this host only, hidden from scripts, and not with requests that other sites make (RFC 6265bis). On plain
/// HTTP, which is allowed on loopback only, the prefix that asks for TLS is left out.
/// </summary>
internal static class SessionCookie
{
    private const string SessionName = "crew_session";

    /// <summary>Ties the steps of a sign-in under way together.</summary>
    public const string StepName = "crew_step";

    /// <summary>Says that somebody has signed in at this browser before.</summary>
    public const string DeviceName = "crew_device";

    /// <summary>Ties a challenge to the browser that asked for it, before anybody is signed in.</summary>
    public const string VisitName = "crew_visit";

    private static readonly TimeSpan DeviceLife = TimeSpan.FromDays(365);

    public static string? Read(HttpRequest request, IdentityOptions options) => Read(request, SessionName, options);

    public static string? Read(HttpRequest request, string name, IdentityOptions options) =>
        request.Cookies.TryGetValue(NameOf(name, options), out var text) && text.Length > 0 ? text : null;

    /// <summary>A cookie of the browser's session: it goes when the browser is closed, and ends at the server before that.</summary>
    public static void Give(HttpResponse response, SecretText text, IdentityOptions options) => Give(response, SessionName, text, options);

    public static void Give(HttpResponse response, string name, SecretText text, IdentityOptions options) =>
        response.Cookies.Append(NameOf(name, options), text.Reveal(), Rules(options, name == DeviceName ? DeviceLife : null));

    public static void Take(HttpResponse response, IdentityOptions options, string name = SessionName) =>
        response.Cookies.Delete(NameOf(name, options), Rules(options, null));

    private static string NameOf(string name, IdentityOptions options) => options.IsPlain ? name : $"__Host-{name}";

    private static CookieOptions Rules(IdentityOptions options, TimeSpan? life) => new()
    {
        HttpOnly = true,
        SameSite = SameSiteMode.Lax,
        Secure = !options.IsPlain,
        Path = "/",
        MaxAge = life,
        IsEssential = true,
    };
}
