namespace Crew.Spend;

/// <summary>Another node's lease that is larger than what it has settled.</summary>
/// <param name="Answered">The last recall of this budget that its node has answered.</param>
/// <param name="Floor">The least that its node used between the last two answers.</param>
/// <param name="SeenMs">When its node was last in touch, on the database's clock.</param>
internal sealed record LeaseHolder(string LeaseId, long Leased, long Settled, long Answered, long Floor, long SeenMs)
{
    public long Unused => Leased - Settled;

    /// <summary>What its node used at the moment of the question, at the least.</summary>
    public long UsedAtLeast => Math.Max(Settled, Math.Min(Floor, Leased));
}

/// <summary>A recall that this node has made.</summary>
/// <param name="Number">Which, of this budget.</param>
/// <param name="Asked">When it was made, on the monotonic clock.</param>
internal sealed record RecallRound(long Number, long Asked);

/// <summary>What a shortage comes to.</summary>
internal enum RecallVerdict
{
    /// <summary>There is no shortage.</summary>
    None,

    /// <summary>Ask all holders to give back what they do not use.</summary>
    Ask,

    /// <summary>Some holders have not answered yet.</summary>
    Wait,

    /// <summary>No node could give what is missing: what does not fit may be refused.</summary>
    Final,
}

/// <summary>One shortage, as the asking node sees it under the lock of the budget's row.</summary>
/// <param name="Amount">The budget's amount.</param>
/// <param name="TakenByOthers">Leased or settled by all other leases, closed ones too.</param>
/// <param name="Free">What is left of the amount for anyone.</param>
/// <param name="Missing">What the smallest waiting request lacks; at least one.</param>
/// <param name="Wanted">The smallest waiting request, or zero when it is only to be clamped.</param>
/// <param name="UsedAtLeast">What this node used since it asked, at the least.</param>
/// <param name="SinceAsked">Milliseconds since this round was asked.</param>
/// <param name="SinceCame">Milliseconds since the oldest waiting request came.</param>
internal readonly record struct Want(
    long Amount, long TakenByOthers, long Free, long Missing, long Wanted, long UsedAtLeast, double SinceAsked, double SinceCame);

/// <summary>
/// Near the cap, capacity that other nodes have leased and do not use is called back before anything is refused. Pure rules, the
/// same for the database and for tests.
/// </summary>
internal static class RecallRules
{
    /// <summary>After this long a shortage is decided by what the database's row says.</summary>
    public const int DecideMilliseconds = 250;

    /// <summary>A node that does not answer a recall for this long is unreachable for it, and need not be waited for again until it does.</summary>
    public const int PatienceMilliseconds = 1_000;

    /// <summary>A node that has not been in touch with the database for this long is unreachable.</summary>
    public const int SilentMilliseconds = 3_000;

    /// <summary>Beside other nodes the database is asked about one budget no more often than this by those whom it refuses.</summary>
    public const int LeastPauseMilliseconds = 10;

    /// <summary>How long to wait before looking for answers again.</summary>
    public static int PollMilliseconds(double sinceAskedMilliseconds) => (int)Math.Clamp(sinceAskedMilliseconds / 2, 3, 25);

    public static RecallVerdict Judge(in Want want, RecallRound? round, IReadOnlyList<LeaseHolder> reachable)
    {
        if ((Int128)want.Free + Unused(reachable) < want.Missing)
        {
            return RecallVerdict.Final;
        }

        if (round is null)
        {
            return RecallVerdict.Ask;
        }

        if (reachable.Any(h => h.Answered < round.Number))
        {
            return RecallVerdict.Wait;
        }

        // At the moment of the question each node used at least what it says; when even that left too little, the refusal is right.
        var used = (Int128)want.TakenByOthers - Slack(reachable) + want.UsedAtLeast;
        var isProven = want.Wanted == 0 || want.Amount - used < want.Wanted;
        return isProven || want.SinceCame >= DecideMilliseconds ? RecallVerdict.Final : RecallVerdict.Ask;
    }

    private static Int128 Unused(IReadOnlyList<LeaseHolder> holders) => holders.Aggregate((Int128)0, (sum, h) => sum + h.Unused);

    private static Int128 Slack(IReadOnlyList<LeaseHolder> holders) => holders.Aggregate((Int128)0, (sum, h) => sum + h.Leased - h.UsedAtLeast);
}
