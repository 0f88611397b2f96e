using Crew.Kernel;

namespace Crew.Identity;

/// <summary>Refusals about people and their sessions.</summary>
internal static class IdentityFaults
{
    public static readonly Fault SessionEnded = new("session_ended", 401,
        "This session has ended, was revoked, or was unused for too long. Sign in again.");

    public static readonly Fault MfaRequired = new("mfa_required", 403,
        "This workspace requires a second factor, and the time to set one up is over. Add a passkey or an authenticator app at /account, then repeat the request.");

    public static readonly Fault SessionRequired = new("session_required", 403,
        "Only the person does this, signed in at a browser. Keys and tokens do not, also those of a person. Sign in at /sign-in and send the session's cookie.");

    public static readonly Fault WrongCode = new("wrong_code", 401,
        "This code is not right, or was used already. Enter the one that the app shows now, or a recovery code that is left.");

    public static readonly Fault NoWorkspace = new("no_workspace", 403,
        "You belong to no workspace any more. Ask an Owner or Admin for an invitation.");

    public static readonly Fault EmailNotVerified = new("email_not_verified", 403,
        "Nobody has shown yet who reads the address of this account, so it joins no other organization by a link that was handed over. "
        + "Ask for an invitation by mail, or reset the password by mail first.");

    public static readonly Fault Busy = new("sign_in_busy", 503,
        "More people are signing in than this server takes at once. Wait a few seconds and try again.")
    { RetryAfterSeconds = 5, ShouldRetry = true };

    public static Fault WorkspaceRequired(IReadOnlyList<string> ids) => new Fault("workspace_required", 400,
        "You belong to several workspaces. Name one in the header X-Crew-Workspace.").With("workspaces", ids);
}
