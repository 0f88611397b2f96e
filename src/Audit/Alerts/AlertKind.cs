namespace Crew.Audit.Alerts;

/// <summary>One kind of alert: what raises it, and how much of that.</summary>
/// <param name="Name">Its name in the API.</param>
/// <param name="Severity"><c>info</c>, <c>warning</c> or <c>critical</c>.</param>
/// <param name="Says">What happened, and what to do, in a sentence or two.</param>
/// <param name="Threshold">How often it must happen to one subject within the window; 1 raises at the first sight.</param>
/// <param name="WindowMinutes">The window; null for kinds that raise at the first sight.</param>
internal sealed record AlertKind(string Name, string Severity, string Says, int Threshold = 1, int? WindowMinutes = null)
{
    public static readonly AlertKind RepeatedFailures = new("repeated_failures", "warning",
        "Sign-ins or calls of one person or key were refused again and again. If it was not them, change the password or roll the key.", 10, 15);

    public static readonly AlertKind UnusualPlace = new("unusual_place", "warning",
        "Somebody signed in from a place that they have not come from before. If it was not them, end their sessions and reset the password.");

    public static readonly AlertKind RefreshReuse = new("refresh_reuse", "critical",
        "A refresh token was used a second time, so a copy of it is in other hands. Its family was ended; the person signs in anew.");

    public static readonly AlertKind LeakedKey = new("leaked_key", "critical",
        "The text of an API key was reported as seen in public. It was revoked with all keys below it; make another one and look at what it did (GET /v1/api-keys/{id}/usage).");

    public static readonly AlertKind KeyInBrowser = new("key_in_browser", "critical",
        "An API key arrived from a web page, where every visitor can read it. Roll it, and give the page user tokens.");

    public static readonly AlertKind KeyInUrl = new("key_in_url", "critical",
        "An API key arrived in a URL, which logs and histories keep. Roll it, and send it in the Authorization header.");

    public static readonly AlertKind BreakGlass = new("break_glass", "critical",
        "An Owner signed in past the enforced single sign-on. Make sure that it was them, and why.");

    public static readonly AlertKind SilentKey = new("silent_key", "warning",
        "An API key was used after months of silence. If nobody knows why, revoke it.");

    public static readonly AlertKind AccessReview = new("access_review", "info",
        "An access review is open: somebody has to say of each person, key and issuer whether it is still needed (GET /v1/access-reviews).");

    public static readonly AlertKind WebhookStopped = new("webhook_stopped", "warning",
        "A webhook endpoint receives nothing any more: it was disabled, keeps failing, or whoever made it is gone. Mend it and set it active (PATCH /v1/webhooks/{id}).");

    public static readonly AlertKind Manual = new("manual", "warning", "Raised by hand.");

    public static IReadOnlyList<AlertKind> All { get; } =
        [RepeatedFailures, UnusualPlace, RefreshReuse, LeakedKey, KeyInBrowser, KeyInUrl, BreakGlass, SilentKey, AccessReview, WebhookStopped, Manual];

    public static IReadOnlyList<string> Severities { get; } = ["info", "warning", "critical"];

    public static AlertKind? Find(string? name) => All.FirstOrDefault(k => k.Name == name);
}
