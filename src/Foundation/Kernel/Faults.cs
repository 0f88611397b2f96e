namespace Crew.Kernel;

/// <summary>The refusals that every module shares. A missing thing is always <c>not_found</c>, whoever asks.</summary>
public static class Faults
{
    public static readonly Fault NotFound = new("not_found", 404,
        "There is no such thing here, or it is not visible to this credential. "
        + "Check the id and the credential's workspace and environment.");

    public static readonly Fault VersionConflict = new("version_conflict", 412,
        "The thing was changed since the version named in If-Match. Read it again and repeat the change on the new version.");

    public static readonly Fault StorageUnavailable = new("storage_unavailable", 503,
        "The database cannot be written at the moment, so nothing was changed. Repeat the request after a short wait.")
    { RetryAfterSeconds = 1, ShouldRetry = true };

    public static readonly Fault OutcomeUnknown = new("outcome_unknown", 503,
        "The database was lost while this change was being committed, so it is not known whether it was made. Read the thing before you repeat it.")
    { RetryAfterSeconds = 1, ShouldRetry = false };

    public static readonly Fault AuditUnavailable = new("audit_unavailable", 503,
        "The audit record of this request could not be made durable, so nothing was served. Repeat the request after a short wait.")
    { RetryAfterSeconds = 1, ShouldRetry = true };

    public static readonly Fault CredentialRevoked = new Fault("expired_api_key", 401,
        "This API key was revoked while the request was under way. Use another key, or ask the workspace's Owner for a new one.")
        .With("reason", "revoked");

    public static readonly Fault TokenRevoked = new Fault("invalid_token", 401,
        "This token was revoked, or the key that minted it was. Have your server mint a new one at POST /v1/auth/tokens.")
        .With("reason", "revoked");

    public static Fault Invalid(string field, string message) => new Fault("invalid_request", 400, message).At(field);

    public static Fault InsufficientPermissions(string required) => new Fault("insufficient_permissions", 403,
        $"This credential lacks the permission {required}. Ask an Owner or Admin of the workspace for a credential that carries it.")
        .With("required", required);

    public static Fault QuotaExceeded(string limit, long value) => new Fault("quota_exceeded", 403,
        $"The plan of this workspace allows {value} ({limit}). Remove what is no longer used, or raise the plan's limit.")
        .With("limit", limit).With("value", value);
}
