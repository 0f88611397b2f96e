using Crew.Kernel;

namespace Crew.Http;

/// <summary>Refusals of the way in.</summary>
public static class HttpFaults
{
    public static readonly Fault MissingCredential = new("invalid_api_key", 401,
        "No API key was sent. Send it in the header Authorization: Bearer <key>.");

    public static readonly Fault AmbiguousCredentials = new("ambiguous_credentials", 400,
        "The request carries more than one credential. Send exactly one, in the header Authorization: Bearer <key>.");

    public static readonly Fault KeyInUrl = new("key_in_url", 401,
        "A key was sent in the query string, where proxies and logs keep it. Treat it as leaked: revoke it, make a new one, and send that in the Authorization header.");

    public static readonly Fault KeyInBrowser = new("key_in_browser", 403,
        "API keys are for servers, and this request came from a web page (it has an Origin header). Call from your server, or use a user token.");

    public static readonly Fault OriginNotAllowed = new("origin_not_allowed", 403,
        "The request came from a web page whose origin the workspace of this token does not list. Add it to the workspace's settings (allowed_origins), "
        + "or call from a listed page or from a server.");

    public static readonly Fault CrossSiteRequest = new("cross_site_request", 403,
        "A change by a session must come from a page of this server (Sec-Fetch-Site: same-origin) or carry the session's token in the header "
        + "X-Crew-Csrf, which GET /v1/me shows. Send one of them.");

    public static readonly Fault StepUpRequired = new("step_up_required", 403,
        "This asks for a recent proof of who you are. Prove it again at /account/step-up, then repeat the request.");

    public static readonly Fault IpNotAllowed = new("ip_not_allowed", 403,
        "The request came from an address that is not on the IP allowlist of this credential or its workspace. Add the address to the list, or call from a listed one.");

    public static readonly Fault UnknownVersion = new("unknown_version", 400,
        $"The header X-Crew-Version names a version that does not exist. Known: {ApiVersion}. Leave the header out to get the latest.");

    public static readonly Fault BodyTooLarge = new("body_too_large", 413,
        "The request body is larger than this endpoint takes: 32 MiB, or less where its documentation says so. Send less in one request.");

    public static readonly Fault UnsupportedMediaType = new("unsupported_media_type", 415,
        "The body must be JSON. Send the header Content-Type: application/json.");

    public static readonly Fault MethodNotAllowed = new("method_not_allowed", 405,
        "This path exists, but not with this method. See /docs for the methods of each path.");

    public static readonly Fault Internal = new("internal_error", 500,
        "Something failed on our side. Nothing more is said here on purpose; the operator finds it in the log by the request id.");

    public static readonly Fault WorkspaceSuspended = new("workspace_suspended", 403,
        "This workspace is suspended. Ask an owner of the organization to resume it.");

    public static readonly Fault NodeCutOff = new("node_cut_off", 503,
        "This node has been without its database for two seconds, so it cannot know which keys still hold, and accepts none. "
        + "Repeat the request after a short wait: another node takes it, or this one once it has caught up.")
    { RetryAfterSeconds = 1, ShouldRetry = true };

    public static readonly Fault NodeStopping = new("node_stopping", 503,
        "This node stops, and the request did not end in the time that was left. What was delivered is settled. Repeat the request: another node takes it.")
    { RetryAfterSeconds = 1, ShouldRetry = true };

    /// <summary>The version of the API, echoed in X-Crew-Version.</summary>
    public const string ApiVersion = "2026-11-01";

    public static Fault InvalidJson(string message) => new("invalid_json", 400, message);

    public static Fault UnknownField(string field) => new Fault("unknown_field", 400,
        $"The field '{field}' does not exist here. Check its spelling against /docs; unknown fields are refused so that a typo never passes for a setting.").At(field);

    public static Fault RateLimited(int retryAfterSeconds, string scope) => new Fault("rate_limit_exceeded", 429,
        $"Too many requests for this {scope}. Wait {retryAfterSeconds} s and repeat; the X-RateLimit headers show the limit.")
    { RetryAfterSeconds = retryAfterSeconds };
}
