namespace Crew.Spend;

/// <summary>
/// One write of one lease row: the lease becomes <see cref="Base"/> (what memory still uses, so lower than the row after a
/// cut-down) plus what the rules grant of the budget's remainder.
/// </summary>
internal sealed class LeaseExtension(Allowance allowance, int generation, TaskCompletionSource? answer, long timestamp)
{
    public Allowance Allowance { get; } = allowance;

    public int Generation { get; } = generation;

    /// <summary>When the question was put, on the monotonic clock: everything that changed before is seen by the answer.</summary>
    public long Timestamp { get; } = timestamp;

    public required long Base { get; init; }

    public required long Deficit { get; init; }

    public required long Smallest { get; init; }

    public required long Preferred { get; init; }

    /// <summary>The last write: what is unused goes back, what nobody settled stays counted.</summary>
    public required bool Closes { get; init; }

    /// <summary>Set by the store: the lease that is durable now.</summary>
    public long Leased { get; private set; }

    /// <summary>Set by the store: what is still left for anyone.</summary>
    public long Headroom { get; private set; }

    /// <summary>Set by the store: what all other leases of the window have taken.</summary>
    public long TakenByOthers { get; private set; }

    /// <summary>Set by the store once the row is committed.</summary>
    public bool IsDurable { get; set; }

    /// <summary>Decides, given the budget's amount and what all other leases of this window have taken.</summary>
    public long Decide(long amountNano, long takenByOthers)
    {
        var remaining = (Int128)amountNano - takenByOthers - Base;
        var free = remaining <= 0 ? 0 : (long)remaining;
        var grant = Closes ? 0 : LeaseRules.Grant(free, Deficit, Smallest, Preferred);
        (Leased, Headroom, TakenByOthers) = (Base + grant, free - grant, takenByOthers);
        return Leased;
    }

    /// <summary>Lets the waiting requests look again.</summary>
    public void Answer() => answer?.TrySetResult();
}
