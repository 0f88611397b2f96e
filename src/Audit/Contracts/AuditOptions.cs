using System.ComponentModel.DataAnnotations;

namespace Crew.Audit.Contracts;

/// <summary>Limits of the audit log.</summary>
public sealed record AuditOptions
{
    /// <summary>How long records are kept, in days.</summary>
    [Range(90, 3_650)]
    public int AuditDays { get; init; } = 365;

    /// <summary>How long records of each use of a key or token are kept, in days. Their leaves stay.</summary>
    [Range(1, 3_650)]
    public int RequestDays { get; init; } = 30;

    /// <summary>How often the sequencer looks for new records when it has none left.</summary>
    [Range(20, 10_000)]
    public int SequencerPollMilliseconds { get; init; } = 200;

    /// <summary>How many day partitions are made ahead on PostgreSQL.</summary>
    [Range(1, 60)]
    public int PartitionsAheadDays { get; init; } = 7;

    /// <summary>How often expired records are looked for and partitions made.</summary>
    [Range(1, 24)]
    public int UpkeepHours { get; init; } = 6;
}
