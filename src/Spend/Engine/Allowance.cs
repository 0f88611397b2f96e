namespace Crew.Spend;

/// <summary>
/// What this process may spend of one budget in one window, and what it has spent. All fields are guarded by the lock of the
/// organization's <see cref="Book"/>.
/// </summary>
/// <remarks>
/// <code>
/// cap of the window
/// ├── leases of other epochs
/// ├── Leased ── Settled + Held + Unknown + Available
/// └── Headroom (not leased by anyone, as the database last said)
/// </code>
/// </remarks>
internal sealed class Allowance(string leaseId, BudgetTerms terms, WindowSpan span, Book book)
{
    /// <summary>
    /// With one process, knowledge of the headroom is good for this long; after it a refusal asks the database again. Beside other
    /// nodes every refusal asks.
    /// </summary>
    public const int FreshMilliseconds = 100;

    public const int LooksAfterSettling = 3;

    /// <summary>A recall shows that the cap is near: for this long nothing is leased ahead of need.</summary>
    private const int FrugalMilliseconds = 1_000;

    private List<TaskCompletionSource> _answers = [];
    private bool _isNewcomerIn, _isOverdrawn;
    private long _askedSince;
    private long _askedAmount;
    private long _askedSmallest;
    private long _recalled;
    private long _answered;
    private long? _recalledAt;
    private RecallRound? _round;
    private LowMarks _low;

    public string LeaseId { get; } = leaseId;

    public WindowSpan Span { get; } = span;

    public Book Book { get; } = book;

    public BudgetTerms Terms { get; set; } = terms;

    /// <summary>Durably leased since the window began, spent or not.</summary>
    public long Leased { get; set; }

    public long Settled { get; set; }

    public long Held { get; set; }

    /// <summary>Dispatched and never settled: counted as spent, because nobody knows.</summary>
    public long Unknown { get; set; }

    public long Used => Sum(Sum(Settled, Held), Unknown);

    /// <summary>Negative is debt.</summary>
    public long Available => Leased - Used;

    /// <summary>What the database had left for anyone when it was last asked.</summary>
    public long Headroom { get; set; }

    /// <summary>What other nodes might have given back then; zero once they were asked.</summary>
    public long Recallable { get; private set; }

    /// <summary>The most that was available at one instant since the headroom was read: a refusal has to be right at one for all nodes.</summary>
    public long AvailableAtBest => Leased - _low.SinceAsked;

    /// <summary>
    /// What is known of the others is enough to refuse any request that came before. Else only one that has waited for long is refused by it.
    /// </summary>
    public bool IsProven { get; private set; }

    /// <summary>The queue serves it no sooner, on the monotonic clock; zero for at once.</summary>
    public long NotBefore { get; private set; }

    /// <summary>The lease row exists, so that settlements find it.</summary>
    public bool IsDurable { get; private set; }

    /// <summary>No longer the current window, or the budget is gone: closed for good once nothing is held.</summary>
    public bool IsRetired { get; private set; }

    public bool IsClosed { get; private set; }

    /// <summary>Waits in the queue of the <see cref="LeaseDesk"/>.</summary>
    public bool IsQueued { get; private set; }

    /// <summary>Was in the queue once, so the database may hold a row of it.</summary>
    public bool WasQueued { get; private set; }

    public long LastUsedMs { get; set; }

    /// <summary>How much is leased ahead of need; doubles while leases are used up fast.</summary>
    public long Step { get; private set; }

    /// <summary>Settled above what was held, not yet announced.</summary>
    public long Breach { get; set; }

    /// <summary>How often the budget's sum is still to be looked at: what settles in memory is in the database a little later.</summary>
    public int Looks { get; set; }

    /// <summary>The highest threshold of this window that is known to have been told.</summary>
    public int Warned { get; set; }

    /// <summary>What other epochs had taken of the window when the database was last asked.</summary>
    private long Others { get; set; }

    /// <summary>Grows whenever the lease is cut down, so that a grant decided before is not applied after.</summary>
    private int Cuts { get; set; }

    /// <summary>Grows whenever the budget changes, so that what the database said before is not believed after.</summary>
    private int Changes { get; set; }

    private long CheckedAt { get; set; } = long.MinValue;

    private long GrantedAtMs { get; set; }

    private bool IsShut { get; set; }

    private bool IsAbandoned { get; set; }

    private bool IsCloseDue => IsRetired && !IsClosed && (Held == 0 || IsShut);

    /// <summary>
    /// Whether an amount can be held now. Tracking budgets cover everything, and every budget covers what costs nothing, even one
    /// in debt.
    /// </summary>
    public bool Covers(long amount) => IsDurable && (Available >= amount || amount == 0 || !Terms.IsStrict);

    /// <summary>Whether <see cref="Headroom"/> was read after the moment, or a very short time ago.</summary>
    public bool IsFresh(long arrived, TimeProvider clock) => CheckedAt != long.MinValue
        && (CheckedAt >= arrived || (!Book.IsShared && clock.GetElapsedTime(CheckedAt).TotalMilliseconds < FreshMilliseconds));

    /// <summary>Whether it has to be put into the queue now; once is enough until it is taken.</summary>
    public bool Enqueue()
    {
        if (IsQueued || IsClosed)
        {
            return false;
        }

        return IsQueued = WasQueued = true;
    }

    /// <summary>
    /// The sum of two amounts, which stops at the largest number: an overflow in the middle of a chain would leave holds on the
    /// levels behind it.
    /// </summary>
    public static long Sum(long amount, long more) => more > long.MaxValue - amount ? long.MaxValue : amount + more;

    /// <summary>Joins the queue for a bigger lease; the task ends when the database has answered, whatever it said.</summary>
    /// <param name="since">When the request came, on the monotonic clock.</param>
    public Task Ask(long amount, long smallest, long since)
    {
        _askedSince = _answers.Count == 0 ? since : Math.Min(_askedSince, since);
        _askedAmount = amount > long.MaxValue - _askedAmount ? long.MaxValue : _askedAmount + amount;
        _askedSmallest = _answers.Count == 0 ? smallest : Math.Min(_askedSmallest, smallest);
        if (!_isNewcomerIn)
        {
            _answers.Add(new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously));
            _isNewcomerIn = true;
        }

        Book.Queue(this);
        return _answers[^1].Task;
    }

    /// <summary>Asks ahead of need when what is left would not last, so that holds rarely wait.</summary>
    public void KeepAhead()
    {
        if (Terms.IsStrict && !IsQueued && Available < LeaseRules.LowWater(Step, Headroom))
        {
            Book.Queue(this);
        }
    }

    /// <summary>Takes everything that was asked for into one extension.</summary>
    public LeaseExtension Take(long nowMs, TimeProvider clock)
    {
        (IsQueued, NotBefore, var timestamp) = (false, 0, clock.GetTimestamp());
        var usedUp = nowMs - GrantedAtMs < LeaseRules.ShortLivedMilliseconds;
        Step = LeaseRules.NextStep(Step, usedUp, Math.Min(_askedAmount, Terms.AmountNano));
        var closes = IsCloseDue;
        if (closes)
        {
            // From here on nothing can be held out of capacity that the database is about to get back.
            Leased = Used;
        }

        _low.BeginTake(Used);
        var wants = Terms.IsStrict && !IsAbandoned && (!IsRetired || _askedAmount > 0);
        var isFrugal = IsRetired || (_recalledAt is { } at && clock.GetElapsedTime(at, timestamp).TotalMilliseconds < FrugalMilliseconds);
        var extension = new LeaseExtension(this, Cuts, Changes, _answers, timestamp)
        {
            Base = Math.Max(Leased, Used),
            Deficit = wants ? Math.Max(0, Lacking(_askedAmount)) : 0,
            Smallest = wants ? Lacking(_askedSmallest) : 0,
            Preferred = wants && !isFrugal ? Math.Max(0, Step - Math.Max(0, Available)) : 0,
            Asked = (_askedAmount, _askedSmallest, _askedSince),
            Closes = closes,
            Answers = _recalled > _answered ? _recalled : 0,
            Floor = _low.SinceAnswer,
            Round = _round,
            UsedSinceAsked = _low.SinceAsked,
        };
        (_answers, _isNewcomerIn, _askedAmount, _askedSmallest) = ([], false, 0, 0);
        return extension;
    }

    /// <summary>Applies what became durable. A lease that was cut down meanwhile takes nothing: the next extension mends the row.</summary>
    /// <returns>Whether those who wait may look again.</returns>
    public bool Apply(LeaseExtension extension, long nowMs, TimeProvider clock)
    {
        IsDurable = true;
        Others = extension.TakenByOthers;
        if (extension.Answers > _answered)
        {
            _answered = extension.Answers;
            _low.Answered();
        }

        if (extension.Closes)
        {
            (IsClosed, Leased) = (true, Used);
            return true;
        }

        if (extension.Changes != Changes)
        {
            Book.Queue(this);
            return true;
        }

        if (extension.Cuts != Cuts)
        {
            Book.Queue(this);
            return Follow(extension, Math.Max(0, extension.Leased - Leased), clock);
        }

        if (!(_isOverdrawn = !extension.IsCovered))
        {
            GrantedAtMs = extension.Leased > Leased ? nowMs : GrantedAtMs;
            Leased = extension.Leased;
        }

        var isAnswered = Follow(extension, 0, clock);
        CloseIfDue();
        return isAnswered;
    }

    /// <summary>Takes over what the database said of others' capacity, and goes on asking while that is not final.</summary>
    /// <param name="cut">What the row still has and this node gives back: it is there for anyone.</param>
    private bool Follow(LeaseExtension extension, long cut, TimeProvider clock)
    {
        (Headroom, Recallable) = (Sum(extension.Headroom, cut), extension.Recallable);
        switch (extension.Verdict)
        {
            case RecallVerdict.Ask:
                _low.Asked();
                _round = new RecallRound(extension.AskNumber, extension.Timestamp);
                PutBack(extension, RecallRules.PollMilliseconds(0), clock);
                return false;
            case RecallVerdict.Wait:
                PutBack(extension, RecallRules.PollMilliseconds(clock.GetElapsedTime(_round!.Asked).TotalMilliseconds), clock);
                return false;
            case RecallVerdict.Final when _round is null:
                _low.Asked();
                CheckedAt = extension.Timestamp;
                break;
            case RecallVerdict.Final:
                CheckedAt = _round.Asked;
                break;
            case var _ when _round is not null && extension.Asked.Amount > 0:
                // Some of those who wait have it; the question of the others stands.
                return true;
            default:
                CheckedAt = extension.IsPutOff ? long.MinValue : extension.Timestamp;
                _low.Asked();
                break;
        }

        (_round, IsProven) = (null, extension.IsProven);
        if (Book.IsShared && extension.Leased == extension.Base)
        {
            // Nothing came of it: whoever asks next shares the next question.
            Pace(RecallRules.LeastPauseMilliseconds, clock);
        }

        return true;
    }

    private void PutBack(LeaseExtension extension, int milliseconds, TimeProvider clock)
    {
        _askedSmallest = _answers.Count == 0 ? extension.Asked.Smallest : Math.Min(_askedSmallest, extension.Asked.Smallest);
        _askedSince = _answers.Count == 0 ? extension.Asked.Since : Math.Min(_askedSince, extension.Asked.Since);
        _askedAmount = Sum(_askedAmount, extension.Asked.Amount);
        _answers.InsertRange(0, extension.Waiting);
        Pace(milliseconds, clock);
        Book.Queue(this);
    }

    private void Pace(int milliseconds, TimeProvider clock) =>
        NotBefore = clock.GetTimestamp() + (clock.TimestampFrequency * milliseconds / 1_000);

    /// <summary>Another node will read which recall is to be answered; the least that is used counts from here on.</summary>
    public void BeginRead() => _low.BeginRead(Used);

    /// <summary>
    /// Another node has asked for what is not in use: it goes back at once, and the row says so soon after. One's own question is answered,
    /// too: others may have asked just before it, and what is too little here may be enough there.
    /// </summary>
    public void Recall(long number, long timestamp)
    {
        if (number <= _recalled || !WasQueued || IsClosed)
        {
            return;
        }

        (_recalled, _recalledAt, NotBefore) = (number, timestamp, 0);
        Headroom = Sum(Headroom, Math.Max(0, Available));
        GiveUpUnused();
        Book.QueueAgain(this);
    }

    /// <summary>Less is used than before. Where the row had to hold more than the cap, what was said of it then hides what is free now.</summary>
    public void NoteUsed()
    {
        _low.Note(Used);
        CheckedAt = _isOverdrawn ? long.MinValue : CheckedAt;
    }

    /// <summary>
    /// Gives back what is not in use. What a lowered amount no longer covers is not held again when the holds on it end, though the row
    /// counts it until then. At once in memory, soon after in the database.
    /// </summary>
    public void CutDown()
    {
        Forget();
        var covered = Terms.IsStrict ? Math.Max(0, Terms.AmountNano - Others) : long.MaxValue;
        var kept = Math.Min(Leased, Math.Min(Used, covered));
        if (kept < Leased)
        {
            Leased = kept;
            Book.Queue(this);
        }
    }

    /// <summary>Whatever the database said, or is saying just now, no longer holds.</summary>
    public void Forget()
    {
        CheckedAt = long.MinValue;
        Changes++;
        Cuts++;
    }

    /// <summary>From here on nothing more is held out of this lease than is held already.</summary>
    public void GiveUpUnused()
    {
        Cuts++;
        Leased = Math.Min(Leased, Used);
    }

    /// <summary>The process start that leased this is over: the lease only ever gives back.</summary>
    public void Abandon()
    {
        IsAbandoned = true;
        Forget();
        GiveUpUnused();
    }

    /// <summary>The window is over or the budget is gone: what is held still settles here, nothing new is held.</summary>
    public void Retire()
    {
        IsRetired = true;
        CloseIfDue();
    }

    /// <summary>The process stops: what is held now counts as lost unless it still settles.</summary>
    public void Shut()
    {
        IsShut = true;
        Retire();
    }

    public void CloseIfDue()
    {
        if (IsCloseDue && IsDurable)
        {
            Book.Queue(this);
        }
    }

    /// <summary>
    /// An asked amount beyond what the row will have for it, which never says less than is used; the sum of many asks may pass what 64
    /// bits hold.
    /// </summary>
    private long Lacking(long asked) => (long)Int128.Min((Int128)asked - Math.Max(0, Available), long.MaxValue);
}
