using System.Text.Json;
using Crew.Sealing;
using Crew.Storage;
using Microsoft.EntityFrameworkCore;

namespace Crew.Audit.Alerts;

/// <summary>A kind of alert as one workspace has it.</summary>
internal sealed record EffectiveRule(AlertKind Kind, AlertRule? Own)
{
    public bool IsEnabled => Own?.Enabled ?? true;

    public int Threshold => Own?.Threshold ?? Kind.Threshold;

    public int? WindowMinutes => Own?.WindowMinutes ?? Kind.WindowMinutes;

    public bool IsMutedAt(DateTimeOffset now) => Own?.MutedUntil > now;
}

/// <summary>Reads rules, and seals whom they write to.</summary>
internal sealed class AlertRules(Lazy<KeyRing> keys)
{
    public static async Task<EffectiveRule> FindAsync(Db db, string workspaceId, AlertKind kind) =>
        new(kind, await db.Set<AlertRule>().AsNoTracking().SingleOrDefaultAsync(r => r.WorkspaceId == workspaceId && r.Kind == kind.Name));

    public byte[]? Seal(string workspaceId, string kind, IReadOnlyList<string> recipients) =>
        recipients.Count == 0 ? null : keys.Value.Seal(KeyScope.Workspace, workspaceId, CellOf(workspaceId, kind), JsonSerializer.Serialize(recipients));

    /// <summary>The addresses that a rule names; none means the workspace's Owners.</summary>
    public IReadOnlyList<string> RecipientsOf(AlertRule? rule) => rule?.RecipientsSealed is { } envelope
        && keys.Value.TryOpenText(KeyScope.Workspace, rule.WorkspaceId, CellOf(rule.WorkspaceId, rule.Kind), envelope, out var text)
            ? JsonSerializer.Deserialize<string[]>(text)! : [];

    private static Cell CellOf(string workspaceId, string kind) => new(workspaceId, "audit_alert_rules", "recipients_sealed", kind);
}
