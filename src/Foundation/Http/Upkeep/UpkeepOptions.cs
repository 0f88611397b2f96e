using System.ComponentModel.DataAnnotations;

namespace Crew.Http;

/// <summary>When the upkeep runs, and what it prepares.</summary>
internal sealed record UpkeepOptions
{
    /// <summary>How often expired rows are looked for and partitions made.</summary>
    [Range(1, 1_440)]
    public int PeriodMinutes { get; init; } = 60;

    /// <summary>How often it runs while the disk is full, so that room made by a shorter retention shows at once.</summary>
    [Range(1, 3_600)]
    public int FullDiskSeconds { get; init; } = 10;

    /// <summary>How often it runs while the clock is not believed, so that one which was set right or confirmed counts at once.</summary>
    [Range(1, 3_600)]
    public int HeldClockSeconds { get; init; } = 10;

    /// <summary>How many day partitions are made ahead on PostgreSQL.</summary>
    [Range(1, 60)]
    public int PartitionsAheadDays { get; init; } = 7;
}
