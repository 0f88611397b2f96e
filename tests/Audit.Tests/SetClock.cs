namespace Crew.Audit.Tests;

/// <summary>A clock that stands where the test puts it; timers still run.</summary>
internal sealed class SetClock : TimeProvider
{
    /// <summary>Day partitions are made around the database's own today, so tests begin there.</summary>
    public DateTimeOffset Now { get; set; } = DateTimeOffset.UtcNow;

    public override DateTimeOffset GetUtcNow() => Now;
}
