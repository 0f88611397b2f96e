using System.ComponentModel.DataAnnotations;

namespace Crew.Audit.Contracts;

/// <summary>Limits of the audit log.</summary>
public sealed record AuditOptions
{
    /// <summary>How long records of organizations and of the installation are kept, in days; workspaces say it themselves.</summary>
    [Range(90, 3_650)]
    public int AuditDays { get; init; } = 365;

    /// <summary>How long such records of each use of a key or token are kept, in days. Their leaves stay.</summary>
    [Range(1, 3_650)]
    public int RequestDays { get; init; } = 30;

    /// <summary>How often the sequencer looks for new records when it has none left.</summary>
    [Range(20, 10_000)]
    public int SequencerPollMilliseconds { get; init; } = 200;
}
