using Crew.Storage;
using Microsoft.EntityFrameworkCore;

namespace Crew.Audit.Alerts;

/// <summary>
/// Something in a workspace that somebody should look at. It names records of the audit log and ids, and holds neither secrets nor content
/// nor an address: where something came from stands, sealed, in the records.
/// </summary>
internal sealed class Alert : IWorkspaceOwned
{
    /// <summary>What repeats within so many hours while nobody has acknowledged it is the same alert.</summary>
    public const int SameHours = 24;

    /// <summary>Records that an alert names; of more it names the first ones and counts the rest.</summary>
    public const int MostRecords = 10;

    public required string Id { get; init; }

    public required string OrganizationId { get; init; }

    public required string WorkspaceId { get; init; }

    public required string Kind { get; init; }

    public required string Severity { get; init; }

    /// <summary>What somebody wrote who raised it by hand.</summary>
    public string? Title { get; init; }

    public string? SubjectType { get; init; }

    public string? SubjectId { get; init; }

    /// <summary>The country of an unusual place, where it is known.</summary>
    public string? Country { get; init; }

    public required IReadOnlyList<string> RecordIds { get; set; }

    public required long Count { get; set; }

    public required DateTimeOffset FirstAt { get; init; }

    public required DateTimeOffset LastAt { get; set; }

    /// <summary><c>none</c> (nobody to write to), <c>muted</c>, <c>pending</c>, <c>sent</c>, <c>failed</c> or <c>withheld</c> (too many in an hour).</summary>
    public required string MailState { get; set; }

    public int MailAttempts { get; set; }

    public DateTimeOffset MailNextAt { get; set; }

    public DateTimeOffset? MailedAt { get; set; }

    public required string RaisedBy { get; init; }

    public DateTimeOffset? AcknowledgedAt { get; set; }

    public string? AcknowledgedBy { get; set; }

    public string? Note { get; set; }

    public long Version { get; set; } = 1;

    public static void Map(ModelBuilder model) => model.Entity<Alert>(alert =>
    {
        alert.ToTable("audit_alerts");
        alert.HasKey(a => a.Id);
        alert.Property(a => a.Version).IsConcurrencyToken();
        alert.HasIndex(a => new { a.WorkspaceId, a.Id }).HasDatabaseName("audit_alerts_workspace");
        alert.HasIndex(a => new { a.WorkspaceId, a.Kind, a.SubjectId }).HasDatabaseName("audit_alerts_subject");
        alert.HasIndex(a => new { a.MailState, a.MailNextAt }).HasDatabaseName("audit_alerts_mail");
    });
}

/// <summary>What a workspace has changed about a kind of alert; without a row the kind is as the code says.</summary>
internal sealed class AlertRule : IWorkspaceOwned
{
    public required string WorkspaceId { get; init; }

    public required string OrganizationId { get; init; }

    public required string Kind { get; init; }

    public bool Enabled { get; set; } = true;

    public int? Threshold { get; set; }

    public int? WindowMinutes { get; set; }

    public DateTimeOffset? MutedUntil { get; set; }

    /// <summary>Addresses, sealed; null for the workspace's Owners.</summary>
    public byte[]? RecipientsSealed { get; set; }

    public long Version { get; set; } = 1;

    public static void Map(ModelBuilder model) => model.Entity<AlertRule>(rule =>
    {
        rule.ToTable("audit_alert_rules");
        rule.HasKey(r => new { r.WorkspaceId, r.Kind });
        rule.Property(r => r.Version).IsConcurrencyToken();
    });
}

/// <summary>A place that somebody has signed in from. Only a keyed hash of it is kept.</summary>
internal sealed class KnownPlace : IWorkspaceOwned
{
    public required string WorkspaceId { get; init; }

    public required string SubjectId { get; init; }

    public required string PlaceHash { get; init; }

    public required DateTimeOffset FirstAt { get; init; }

    public required DateTimeOffset LastAt { get; set; }

    public static void Map(ModelBuilder model) => model.Entity<KnownPlace>(place =>
    {
        place.ToTable("audit_places");
        place.HasKey(p => new { p.WorkspaceId, p.SubjectId, p.PlaceHash });
        place.HasIndex(p => p.LastAt).HasDatabaseName("audit_places_last");
    });
}
