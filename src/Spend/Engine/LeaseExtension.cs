namespace Crew.Spend;

/// <summary>What the database says of a budget's window, under the lock of the budget's row.</summary>
/// <param name="AmountNano">The budget's amount; zero when it is gone or tracking.</param>
/// <param name="TakenByOthers">What all other leases have taken: the larger of leased and settled.</param>
/// <param name="UnusedByOthers">What others have leased and not settled, and may give back.</param>
/// <param name="Recall">The number of the last recall of this budget.</param>
/// <param name="NowMs">The database's clock.</param>
/// <param name="IsEpochOver">This process was taken for dead and its leases were closed.</param>
/// <param name="IsClosed">This lease was closed.</param>
internal readonly record struct LeaseView(
    long AmountNano, long TakenByOthers, long UnusedByOthers, long Recall, long NowMs, bool IsEpochOver = false, bool IsClosed = false);

/// <summary>
/// One write of one lease row: the lease becomes <see cref="Base"/> (what memory has or uses, so lower than the row after a
/// cut-down) plus what the rules grant of the budget's remainder.
/// </summary>
internal sealed class LeaseExtension(Allowance allowance, int cuts, int changes, IReadOnlyList<TaskCompletionSource> waiting, long timestamp)
{
    public Allowance Allowance { get; } = allowance;

    /// <summary>The process start that takes it.</summary>
    public long Epoch { get; set; }

    /// <summary>How often the lease had been cut down, and the budget changed, when this was taken.</summary>
    public int Cuts { get; } = cuts;

    public int Changes { get; } = changes;

    /// <summary>When the question was put, on the monotonic clock: everything that changed before is seen by the answer.</summary>
    public long Timestamp { get; } = timestamp;

    public required long Base { get; init; }

    /// <summary>What all waiting requests lack, and what the smallest of them lacks.</summary>
    public required long Deficit { get; init; }

    public required long Smallest { get; init; }

    public required long Preferred { get; init; }

    /// <summary>What is waited for, to be put back when the answer is not final.</summary>
    public required (long Amount, long Smallest, long Since) Asked { get; init; }

    /// <summary>The last write: what is unused goes back, what nobody settled stays counted.</summary>
    public required bool Closes { get; init; }

    /// <summary>The recall that this write answers; zero for none.</summary>
    public long Answers { get; init; }

    /// <summary>The least that was used since the answer before.</summary>
    public long Floor { get; init; }

    /// <summary>The recall that this node has made and still follows.</summary>
    public RecallRound? Round { get; init; }

    /// <summary>The least that this node used since it made it.</summary>
    public long UsedSinceAsked { get; init; }

    /// <summary>Set by the store: the lease that is durable now.</summary>
    public long Leased { get; private set; }

    /// <summary>Set by the store: what is still left for anyone.</summary>
    public long Headroom { get; private set; }

    /// <summary>Set by the store: what other nodes might give back.</summary>
    public long Recallable { get; private set; }

    /// <summary>Set by the store: what all other leases of the window have taken.</summary>
    public long TakenByOthers { get; private set; }

    /// <summary>Whether a final verdict holds for one instant, and not only because it took long to find one.</summary>
    public bool IsProven { get; private set; }

    /// <summary>Set by the store: the amount covers the whole lease; it may have been lowered below what is in use.</summary>
    public bool IsCovered { get; private set; }

    public RecallVerdict Verdict { get; private set; }

    /// <summary>With <see cref="RecallVerdict.Ask"/>: the number of the recall to make.</summary>
    public long AskNumber { get; private set; }

    /// <summary>The window has not begun by the database's clock, or this process may not lease any more: nothing was decided.</summary>
    public bool IsPutOff { get; private set; }

    public bool IsEpochOver { get; private set; }

    /// <summary>Set by the store: the lease only ever gives back from now on.</summary>
    public bool IsOver { get; private set; }

    /// <summary>The least number that a new row counts as answered: whatever was asked before, this lease did not exist.</summary>
    public long AnsweredAtLeast { get; private set; }

    /// <summary>Set by the store once the row is committed.</summary>
    public bool IsDurable { get; set; }

    /// <summary>Nothing could be granted to those who wait: who else holds unused capacity has to be looked at.</summary>
    public bool IsShort { get; private set; }

    private LeaseView View { get; set; }

    /// <summary>Decides, given the budget's amount and what all other leases of this window have taken.</summary>
    public long Decide(long amountNano, long takenByOthers) => Decide(new LeaseView(amountNano, takenByOthers, 0, 0, long.MaxValue));

    /// <summary>Decides what is leased. When it <see cref="IsShort"/>, <see cref="Judge"/> has to follow.</summary>
    public long Decide(in LeaseView view)
    {
        var remaining = (Int128)view.AmountNano - view.TakenByOthers - Base;
        var free = remaining <= 0 ? 0 : (long)remaining;
        (View, IsEpochOver, AnsweredAtLeast, IsCovered) = (view, view.IsEpochOver, view.Recall, remaining >= 0);
        IsOver = view.IsEpochOver || view.IsClosed;
        IsPutOff = IsOver || Allowance.Span.StartMs > view.NowMs;
        var grant = Closes || IsPutOff ? 0 : LeaseRules.Grant(free, Deficit, Smallest, Preferred);
        (Leased, Headroom, TakenByOthers, Recallable) = (Base + grant, free - grant, view.TakenByOthers, view.UnusedByOthers);
        (Verdict, AskNumber, IsProven) = (RecallVerdict.None, 0, true);
        IsShort = !Closes && !IsPutOff && Deficit > 0 && grant == 0 && free < Missing;
        if (IsShort && view.UnusedByOthers == 0)
        {
            (IsShort, Verdict) = (false, RecallVerdict.Final);
        }

        return Leased;
    }

    /// <summary>Decides whether what is missing can be called back from other nodes.</summary>
    /// <param name="holders">All others that have leased more than they settled.</param>
    public void Judge(IReadOnlyList<LeaseHolder> holders, Peers peers)
    {
        var wanted = Smallest > 0 ? Asked.Smallest : 0;
        var want = new Want(
            View.AmountNano, View.TakenByOthers, Headroom, Missing, wanted, UsedSinceAsked, peers.SinceMs(Round?.Asked), peers.SinceMs(Asked.Since));
        var reachable = holders.Where(h => peers.IsReachable(h, View.NowMs)).ToList();
        Verdict = RecallRules.Judge(want, Round, reachable);
        if (Verdict == RecallVerdict.Wait && want.SinceAsked >= RecallRules.PatienceMilliseconds)
        {
            peers.GiveUp(reachable, Round!.Number);
            reachable.RemoveAll(h => h.Answered < Round.Number);
            Verdict = RecallRules.Judge(want, Round, reachable);
        }

        IsProven = Verdict != RecallVerdict.Final || RecallRules.Judge(want with { SinceCame = 0 }, Round, reachable) == RecallVerdict.Final;
        AskNumber = Verdict == RecallVerdict.Ask ? View.Recall + 1 : 0;
        Recallable = Verdict == RecallVerdict.Final ? 0 : Recallable;
    }

    /// <summary>Lets the waiting requests look again.</summary>
    public void Answer()
    {
        foreach (var answer in Waiting)
        {
            answer.TrySetResult();
        }
    }

    /// <summary>Those who wait, to be put back when the answer is not final.</summary>
    public IReadOnlyList<TaskCompletionSource> Waiting { get; } = waiting;

    /// <summary>What the smallest waiting request lacks. One that only wants to be clamped less lacks anything.</summary>
    private long Missing => Math.Max(1, Smallest);
}
