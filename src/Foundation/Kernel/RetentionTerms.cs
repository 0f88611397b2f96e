namespace Crew.Kernel;

/// <summary>How long a workspace keeps what it has, in days.</summary>
/// <param name="RequestDays">Usage rows and the records of each use of a key or token.</param>
/// <param name="AuditDays">All other audit records.</param>
/// <param name="CallMetadataDays">Daily sums of usage, among others.</param>
public sealed record RetentionTerms(Tenant Tenant, int RequestDays, int AuditDays, int CallMetadataDays)
{
    private const long DayMilliseconds = 86_400_000;

    /// <summary>Events and their deliveries.</summary>
    public int EventDays { get; init; } = 30;

    public string WorkspaceId => Tenant.WorkspaceId!;

    /// <summary>
    /// What lies before this moment (milliseconds since 1970) has passed a retention of so many days. Whole UTC days go together, so that
    /// a day is either there or summed up, and on PostgreSQL its partition can go as a whole.
    /// </summary>
    public static long EndOf(DateTimeOffset now, int days) =>
        (now.ToUnixTimeMilliseconds() - (days * DayMilliseconds)) / DayMilliseconds * DayMilliseconds;
}
