using System.Collections.Frozen;

namespace Crew.Audit;

/// <summary>
/// All event types that a record may carry. A filter knows these names only, so that a typo never passes for an empty log; a test
/// holds every event in the source against this list.
/// </summary>
internal static class EventCatalogue
{
    /// <summary>Names by group, the part before the dot written once.</summary>
    private static readonly (string Group, string Names)[] Groups =
    [
        ("auth", "failed login.success login.failure logout mfa.enabled mfa.disabled password.changed password.reset session.expired"),
        ("user", "created updated deleted role.changed invited invitation.accepted"),
        ("passkey", "created updated deleted counter_rollback"),
        ("member", "updated removed"),
        ("session", "created revoked"),
        ("api_key", "created updated rolled revoked expired leaked awoken used"),
        ("api", "request"),
        ("token", "issued refreshed used revoked reused"),
        ("rate_limit", "exceeded"),
        ("ip_allowlist", "changed"),
        ("organization", "created updated role.granted role.revoked"),
        ("workspace", "created updated suspended resumed deleted locked_down"),
        ("crew", "created updated deleted"),
        ("settings", "updated"),
        ("plan", "changed"),
        ("agent", "created updated deleted published"),
        ("pathway", "created updated deleted published"),
        ("knowledge", "created updated deleted"),
        ("memory", "updated deleted"),
        ("webhook", "created updated deleted secret.rotated paused failing recovered disabled"),
        ("call", "viewed initiated answered ended transferred deleted"),
        ("transcript", "viewed"),
        ("recording", "accessed"),
        ("sms", "sent"),
        ("campaign", "created updated deleted started stopped"),
        ("contact", "created updated deleted"),
        ("export", "created downloaded"),
        ("oauth_client", "created updated deleted secret.rotated"),
        ("oauth", "consent.granted consent.revoked"),
        ("sso", "created updated deleted enforced break_glass.used"),
        ("domain", "verified removed"),
        ("scim", "token.created token.revoked user.provisioned user.deprovisioned group.mapped"),
        ("budget", "created updated deleted exhausted breach warning"),
        ("provider", "created updated deleted tested credentials.changed"),
        ("model", "created updated deleted"),
        ("secret", "created updated deleted rotated"),
        ("integration", "created updated deleted"),
        ("channel", "created updated deleted"),
        ("promotion", "planned reviewed applied rolled_back"),
        ("privacy", "request.created request.completed subject.erased subject.exported legal_hold.set legal_hold.lifted"),
        ("retention", "updated applied"),
        ("alert", "raised acknowledged"),
        ("alert_rule", "created updated deleted"),
        ("review", "started reminded completed"),
        ("billing", "updated"),
        ("operator", "installation.created organization.created key.created key.revoked budget.released schema.migrated backup.created backup.restored "
            + "master_key.rotated sign_in_link.created imported clock.confirmed"),
    ];

    /// <summary>Full names in catalogue order.</summary>
    public static readonly IReadOnlyList<string> Names =
        [.. Groups.SelectMany(static g => g.Names.Split(' ').Select(name => $"{g.Group}.{name}"))];

    private static readonly FrozenSet<string> Known = Names.ToFrozenSet(StringComparer.Ordinal);

    public static bool IsKnown(string name) => Known.Contains(name);

    /// <summary>The names below a prefix such as <c>auth</c> or <c>auth.mfa</c>.</summary>
    public static IEnumerable<string> Below(string prefix) => Names.Where(name => name.StartsWith(prefix + ".", StringComparison.Ordinal));
}
