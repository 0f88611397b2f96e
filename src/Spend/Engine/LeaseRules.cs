namespace Crew.Spend;

/// <summary>How much capacity to lease: pure rules, the same for the database and for tests.</summary>
internal static class LeaseRules
{
    /// <summary>A lease used up faster than this doubles the next one.</summary>
    public const int ShortLivedMilliseconds = 1_000;

    /// <summary>Never more than this part of what is left is leased ahead of need: leases shrink towards the cap.</summary>
    private const int ShareOfHeadroom = 8;

    private const int HoldsPerStep = 8;
    private const long LargestStep = 1_000_000_000_000;

    /// <summary>
    /// What of <paramref name="remaining"/> is leased: all that waiting requests lack when it is there, what is left when at least
    /// the smallest of them fits, and nothing when none would be helped; ahead of need, a share.
    /// </summary>
    public static long Grant(long remaining, long deficit, long smallest, long preferred)
    {
        if (remaining <= 0 || (deficit > 0 && remaining < smallest))
        {
            return 0;
        }

        return Math.Min(remaining, Math.Max(deficit, Math.Min(preferred, remaining / ShareOfHeadroom)));
    }

    /// <summary>Doubles while leases are short-lived, halves when they last, and always covers a few requests.</summary>
    public static long NextStep(long step, bool usedUp, long asked)
    {
        var next = usedUp ? Math.Min(LargestStep, step * 2) : step / 2;
        var floor = Math.Min(LargestStep, asked);
        return Math.Max(next, step == 0 ? floor * HoldsPerStep : floor);
    }

    /// <summary>Below this much available capacity the lease is extended ahead of need; zero near the cap, where nothing is ahead.</summary>
    public static long LowWater(long step, long headroom) => Math.Min(step, headroom / ShareOfHeadroom) / 2;
}
