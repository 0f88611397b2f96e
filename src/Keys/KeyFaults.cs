using Crew.Kernel;

namespace Crew.Keys;

/// <summary>Refusals about keys.</summary>
internal static class KeyFaults
{
    public static readonly Fault Invalid = new("invalid_api_key", 401,
        "This is not an API key of this installation. Check that it was copied whole and belongs to this server.");

    public static Fault Expired(string reason) => new Fault("expired_api_key", 401, reason == "revoked"
        ? "This API key was revoked. Use another key, or ask the workspace's Owner for a new one."
        : "This API key has expired. Use the key that replaced it, or make a new one.").With("reason", reason);

    public static Fault Escalation(string field, string what) => new Fault("insufficient_permissions", 403,
        $"A key cannot give more than the credential that makes or changes it: {what}. Ask for less, or use a credential with more rights.")
        .With("required", what).At(field);

    public static readonly Fault MasterOnlyByOwner = new Fault("insufficient_permissions", 403,
        "Keys with the permission * are of the kind master. They are made by an Owner's session or by the command line (crew keys create), never by a key.")
        .With("required", "owner").At("permissions");

    public static readonly Fault OnlyByThemselves = new Fault("insufficient_permissions", 403,
        "A key of the kind user follows the person who makes it, so it is made by a person's session or by a key of theirs. Sign in, or make a service key.")
        .With("required", "api_keys:self").At("kind");

    public static readonly Fault AnothersKey = new Fault("insufficient_permissions", 403,
        "This key follows another person, and only they may change or roll it. An Owner or Admin may revoke it.").With("required", "api_keys:self").At("id");

    public static readonly Fault OneBinding = Faults.Invalid("mode",
        "Give exactly one of mode (live or test), environment (development, staging or production) and crew_id.");

    public static readonly Fault UnsignedReport = new("invalid_signature", 401,
        "The report is not signed by a key that GitHub publishes for secret scanning. Send the body exactly as it was signed, with the headers "
        + "Github-Public-Key-Identifier and Github-Public-Key-Signature; without a signature, use POST /v1/api-keys/leaks.");

    public static readonly Fault SignersUnavailable = new("signature_keys_unavailable", 503,
        "The public keys that verify reports could not be read, so this report was not judged. Repeat it after a minute; the operator sets CREW_GITHUB_SCANNING_KEYS.")
    { RetryAfterSeconds = 60, ShouldRetry = true };

    public static readonly Fault Dead = new("key_not_active", 409,
        "This key is revoked, expired or rolled already, so it cannot be changed. Make a new key.");
}
