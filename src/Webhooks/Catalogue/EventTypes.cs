using System.Collections.Frozen;
using Crew.Kernel;

namespace Crew.Webhooks.Catalogue;

/// <summary>
/// The catalogue of events that integrations hear. Those of changes are the audit log's: a slice raises one event, and both hear it. What
/// the documentation names and no part of the product raises yet stands here too, with the reason, so that a subscription written from the
/// documentation is taken now and receives events from the day they exist.
/// </summary>
internal static class EventTypes
{
    public const string Test = "webhook.test";
    public const string TestMessage = "This is a test. Your endpoint receives events.";

    private const string NoCalls = "Calls, messages and campaigns are not part of this version yet.";
    private const string NoAgents = "Agents are not part of this version yet.";

    /// <summary>Group, the thing it is about, who may read it, and names with their descriptions.</summary>
    private static readonly (string Group, string Resource, string Reads, (string Name, string Description)[] Names)[] Raised =
    [
        ("api_key", "api_key", "api_keys:read",
        [
            ("created", "An API key was made."), ("updated", "An API key was changed."), ("rolled", "An API key was replaced by a new one."),
            ("revoked", "An API key was revoked."), ("leaked", "An API key was reported as leaked."),
            ("awoken", "An API key was used after a long silence."),
        ]),
        ("token", "token", "tokens:read",
        [
            ("issued", "A user token was minted."), ("refreshed", "A user token was refreshed."), ("revoked", "A user token was revoked."),
            ("reused", "A refresh token came a second time; its family was revoked."),
        ]),
        ("workspace", "workspace", "workspace:read",
        [
            ("created", "The workspace was made."), ("updated", "Name, plan or settings of the workspace changed."),
            ("suspended", "The workspace was suspended."), ("resumed", "The workspace was resumed."),
            ("locked_down", "All keys, tokens and sessions of the workspace but one were ended."),
        ]),
        ("ip_allowlist", "workspace", "workspace:read", [("changed", "The networks that may call changed.")]),
        ("retention", "workspace", "workspace:read", [("applied", "What had passed its retention was removed.")]),
        ("crew", "crew", "crews:read", [("created", "A crew was made."), ("updated", "A crew was changed.")]),
        ("user", "user", "members:read",
        [
            ("created", "An account was made for somebody invited."), ("updated", "A person or an invitation was changed."),
            ("role.changed", "Somebody's role changed."), ("invited", "Somebody was invited."), ("invitation.accepted", "An invitation was accepted."),
        ]),
        ("member", "user", "members:read", [("removed", "Somebody was removed from the workspace.")]),
        ("session", "session", "sessions:read", [("revoked", "A session was ended by somebody else than its holder.")]),
        ("auth", "user", "audit:read",
        [
            ("login.success", "Somebody signed in."), ("logout", "Somebody signed out."),
            ("session.expired", "A session ended by itself."), ("mfa.enabled", "Somebody set up a second factor."),
            ("mfa.disabled", "Somebody's second factor was taken away."), ("password.changed", "Somebody changed their password."),
            ("password.reset", "Somebody set a new password by a mailed link."),
        ]),
        ("passkey", "passkey", "audit:read",
        [
            ("created", "Somebody added a passkey."), ("updated", "Somebody renamed a passkey."), ("deleted", "A passkey was removed."),
            ("counter_rollback", "A passkey came with a counter that runs back: it may have been copied."),
        ]),
        ("budget", "budget", "budgets:read",
        [
            ("created", "A budget was made."), ("updated", "A budget was changed."), ("deleted", "A budget was removed."),
            ("warning", "Spend has reached a threshold of a budget."), ("breach", "A provider billed more than a strict budget had held."),
        ]),
        ("provider", "provider", "providers:read",
        [
            ("created", "A provider was made."), ("updated", "A provider was changed."), ("deleted", "A provider was removed."),
            ("tested", "A provider was tested."), ("credentials.changed", "A provider's credential changed."),
        ]),
        ("model", "model", "models:read",
            [("created", "A model was made."), ("updated", "A model was changed."), ("deleted", "A model was removed.")]),
        ("export", "export", "audit:read", [("created", "Records were exported.")]),
        ("review", "review", "members:read",
            [("started", "An access review began."), ("reminded", "An access review is still open."), ("completed", "An access review ended.")]),
        ("alert", "alert", "alerts:read", [("raised", "Something needs a look."), ("acknowledged", "Somebody has looked at an alert.")]),
        ("alert_rule", "alert_rule", "alerts:read", [("updated", "A rule of alerts changed."), ("deleted", "A rule of alerts was set back.")]),
        ("webhook", "webhook", "webhooks:read",
        [
            ("created", "An endpoint or inbound hook was made."), ("updated", "An endpoint or inbound hook was changed."),
            ("deleted", "An endpoint or inbound hook was removed."), ("secret.rotated", "The secret of an endpoint or inbound hook was replaced."),
            ("paused", "An endpoint was paused, by somebody or because its creator is gone."),
            ("failing", "An endpoint has failed five times; it is probed each hour."), ("recovered", "A failing endpoint answers again."),
            ("disabled", "An endpoint asked for no more events, or has failed for five days."),
        ]),
    ];

    /// <summary>Names of the documentation that nothing raises yet.</summary>
    private static readonly (string Group, string Reads, string Waits, string Names)[] Waiting =
    [
        ("call", "calls:read", NoCalls, "initiated ringing answered transferred ended"),
        ("call", "transcripts:read", NoCalls, "recording.ready transcription.ready"),
        ("sms", "messages:read", NoCalls, "received sent delivered failed"),
        ("campaign", "campaigns:read", NoCalls, "created started paused completed call.completed"),
        ("appointment", "appointments:read", NoCalls, "created updated cancelled confirmed reminder.sent"),
        ("agent", "agents:read", NoAgents, "intent.detected action.triggered escalation error updated"),
        ("memory", "memory:read", NoAgents, "stored retrieved updated deleted expired"),
    ];

    /// <summary>The names of the integrations page, where they differ.</summary>
    private static readonly Dictionary<string, string[]> Aliases = new()
    {
        ["call.initiated"] = ["call.started"],
        ["agent.intent.detected"] = ["agent.intent_detected"],
        ["agent.action.triggered"] = ["agent.action_triggered"],
        ["appointment.created"] = ["appointment.booked"],
        ["appointment.updated"] = ["appointment.rescheduled"],
        ["campaign.call.completed"] = ["campaign.call_completed"],
    };

    public static readonly IReadOnlyList<EventType> All = [.. OfRaised(), TestType(), .. OfWaiting()];

    private static readonly FrozenDictionary<string, EventType> ByName = All.ToFrozenDictionary(t => t.Name, StringComparer.Ordinal);

    private static readonly FrozenDictionary<string, EventType> ByAlias =
        All.SelectMany(t => t.Aliases.Select(alias => (alias, t))).ToFrozenDictionary(p => p.alias, p => p.t, StringComparer.Ordinal);

    /// <summary>The type with a canonical name; null for what integrations do not hear.</summary>
    public static EventType? Find(string name) => ByName.GetValueOrDefault(name);

    /// <summary>The type with an alias.</summary>
    public static EventType? FindAlias(string name) => ByAlias.GetValueOrDefault(name);

    private static IEnumerable<EventType> OfRaised() =>
        from g in Raised
        from name in g.Names
        select new EventType($"{g.Group}.{name.Name}", name.Description, Permissions.Of(g.Reads), EventLevel.Workspace, g.Resource);

    private static EventType TestType() => new(Test, "Somebody asked for a test of an endpoint.", Permissions.Of("webhooks:read"), EventLevel.Workspace, "webhook");

    private static IEnumerable<EventType> OfWaiting() =>
        from g in Waiting
        from name in g.Names.Split(' ')
        select new EventType($"{g.Group}.{name}", "As the documentation describes it.", Permissions.Of(g.Reads), EventLevel.Crew, g.Group)
        {
            Waits = g.Waits,
            Aliases = Aliases.GetValueOrDefault($"{g.Group}.{name}") ?? [],
        };
}
