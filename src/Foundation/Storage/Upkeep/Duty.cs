namespace Crew.Storage;

/// <summary>The complete list of work that exactly one node does at a time. All other loops run on every node.</summary>
public sealed class Duty
{
    /// <summary>Gives audit records their sequence and leaf, behind the commits of all nodes.</summary>
    public static readonly Duty AuditSequence = new("audit_sequence");

    /// <summary>Makes day partitions ahead, sums usage by day, removes what has passed its retention, and opens access reviews.</summary>
    public static readonly Duty Upkeep = new("upkeep");

    /// <summary>Reads the audit log for what somebody should look at, and writes to them.</summary>
    public static readonly Duty Alerts = new("alerts");

    private Duty(string name) => Name = name;

    public static IReadOnlyList<Duty> All { get; } = [AuditSequence, Upkeep, Alerts];

    /// <summary>Its name in metrics and in the table of leaders.</summary>
    public string Name { get; }

    public override string ToString() => Name;
}

/// <summary>The duty went to another node meanwhile: nothing of the change was written. The loop goes on when this node leads again.</summary>
public sealed class NotLeadingException(Duty duty) : Exception($"This node does not lead {duty} any more.");

/// <summary>Who does a duty now, for <c>crew doctor</c>.</summary>
/// <param name="Place">Machine and process of the leader.</param>
/// <param name="IsHeld">Whether its lease is running.</param>
public sealed record Leader(string Duty, string Place, long Term, bool IsHeld);
