namespace Crew.Storage;

/// <summary>
/// This process's place among the nodes that serve one database. What it keeps in memory may be acted upon as long as its lease
/// runs: until then no change that another node has answered can be unknown here.
/// <code>
///   renewal sent at t0 ─► PostgreSQL: "the feed is at v" ─► applied up to v here ─► lease runs until t0 + 1,900 ms
///   change committed at c ─► every node has applied it, or c + 2,000 ms have passed ─► the change answers
/// </code>
/// A renewal that PostgreSQL answered before c ends before c + 1,900 ms; one that it answered after c extends the lease only once the
/// change was applied. Each side counts on its own monotonic clock, so no wall clock is part of it. Commands, and SQLite with
/// its one server, hold no lease: there nothing runs out.
/// </summary>
public sealed class Node
{
    /// <summary>How long a lease runs, in milliseconds from before the renewal was sent.</summary>
    public const int LeaseMilliseconds = 1_900;

    /// <summary>Longest wait of a change for nodes that do not confirm: the lease, and what two clocks may run apart meanwhile.</summary>
    public const int FenceMilliseconds = 2_000;

    private readonly TimeProvider _clock;
    private long _runsOutAt = long.MaxValue;
    private long _epoch;
    private DatabaseTime? _databaseTime;

    internal Node(TimeProvider clock) => _clock = clock;

    /// <summary>Number of this process among all that ever served the database; it changes when the others had to give it up. Zero without a lease.</summary>
    public long Epoch => Volatile.Read(ref _epoch);

    /// <summary>Whether this process may act on what it keeps in memory.</summary>
    public bool IsLive => _clock.GetTimestamp() < Volatile.Read(ref _runsOutAt);

    /// <summary>
    /// The time that all nodes share: PostgreSQL's, as the last renewal told it, and counted on since by the monotonic clock; without a
    /// lease this machine's. For moments at which all nodes must change their mind together, such as the end of a key.
    /// </summary>
    public DateTimeOffset GetUtcNow() => Volatile.Read(ref _databaseTime) is { } told
        ? told.Now + _clock.GetElapsedTime(told.At)
        : _clock.GetUtcNow();

    /// <summary>Takes an epoch; from here on nothing is allowed without a lease.</summary>
    internal void Enter(long epoch)
    {
        Volatile.Write(ref _runsOutAt, long.MinValue);
        Volatile.Write(ref _epoch, epoch);
    }

    /// <summary>Extends the lease by a renewal that was sent at a moment of the monotonic clock.</summary>
    /// <param name="databaseMs">What PostgreSQL's clock showed, in milliseconds since 1970; it may have been a little later than the sending.</param>
    internal void Extend(long sentAt, long databaseMs)
    {
        Volatile.Write(ref _databaseTime, new DatabaseTime(DateTimeOffset.FromUnixTimeMilliseconds(databaseMs), sentAt));
        Volatile.Write(ref _runsOutAt, sentAt + (LeaseMilliseconds * _clock.TimestampFrequency / 1_000));
    }

    /// <summary>Gives the lease up.</summary>
    internal void End() => Volatile.Write(ref _runsOutAt, long.MinValue);

    private sealed record DatabaseTime(DateTimeOffset Now, long At);
}
