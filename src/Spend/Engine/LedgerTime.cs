namespace Crew.Spend;

/// <summary>
/// The time by which windows begin and end. On one machine it is the clock's; with many nodes it is the database's, carried on by the
/// monotonic clock, so that windows turn on every node at the same instant whatever the nodes' own clocks say.
/// </summary>
internal sealed class LedgerTime(TimeProvider clock)
{
    private const int WorstRoundTripMilliseconds = 250;
    private const int StaleMilliseconds = 30_000;
    private Anchor? _anchor;

    /// <summary>Milliseconds since 1970.</summary>
    public long NowMs => Volatile.Read(ref _anchor) is { } anchor
        ? anchor.AtMs + (long)clock.GetElapsedTime(anchor.Timestamp).TotalMilliseconds
        : clock.GetUtcNow().ToUnixTimeMilliseconds();

    public DateTimeOffset Now => DateTimeOffset.FromUnixTimeMilliseconds(NowMs);

    /// <summary>
    /// Takes what the database's clock said between two moments. It is right to half of the time in between; a slow answer is left
    /// out unless the last good one is old.
    /// </summary>
    public void Set(long databaseMs, long before, long after)
    {
        var roundTrip = clock.GetElapsedTime(before, after).TotalMilliseconds;
        if (roundTrip <= WorstRoundTripMilliseconds || _anchor is null
            || clock.GetElapsedTime(_anchor.Timestamp).TotalMilliseconds > StaleMilliseconds)
        {
            Volatile.Write(ref _anchor, new Anchor(databaseMs + (long)(roundTrip / 2), after));
        }
    }

    private sealed record Anchor(long AtMs, long Timestamp);
}
