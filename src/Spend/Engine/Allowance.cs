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
    /// <summary>Knowledge of the headroom is good for this long; after it a refusal asks the database again.</summary>
    public const int FreshMilliseconds = 100;

    private TaskCompletionSource? _answer;
    private long _askedAmount;
    private long _askedSmallest;

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

    /// <summary>What other epochs had taken of the window when the database was last asked.</summary>
    private long Others { get; set; }

    /// <summary>Grows whenever the lease is cut down, so that a grant decided before is not applied after.</summary>
    private int Generation { get; set; }

    private long CheckedAt { get; set; } = long.MinValue;

    private long GrantedAtMs { get; set; }

    private bool IsShut { get; set; }

    private bool IsCloseDue => IsRetired && !IsClosed && (Held == 0 || IsShut);

    /// <summary>
    /// Whether an amount can be held now. Tracking budgets cover everything, and every budget covers what costs nothing, even one
    /// in debt.
    /// </summary>
    public bool Covers(long amount) => IsDurable && (Available >= amount || amount == 0 || !Terms.IsStrict);

    /// <summary>Whether <see cref="Headroom"/> was read after the moment, or a very short time ago.</summary>
    public bool IsFresh(long arrived, TimeProvider clock) => CheckedAt != long.MinValue
        && (CheckedAt >= arrived || clock.GetElapsedTime(CheckedAt).TotalMilliseconds < FreshMilliseconds);

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
    public Task Ask(long amount, long smallest)
    {
        _askedAmount = amount > long.MaxValue - _askedAmount ? long.MaxValue : _askedAmount + amount;
        _askedSmallest = _answer is null ? smallest : Math.Min(_askedSmallest, smallest);
        _answer ??= new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        Book.Queue(this);
        return _answer.Task;
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
    public LeaseExtension Take(long nowMs, long timestamp)
    {
        IsQueued = false;
        var usedUp = nowMs - GrantedAtMs < LeaseRules.ShortLivedMilliseconds;
        Step = LeaseRules.NextStep(Step, usedUp, Math.Min(_askedAmount, Terms.AmountNano));
        var closes = IsCloseDue;
        if (closes)
        {
            // From here on nothing can be held out of capacity that the database is about to get back.
            Leased = Used;
        }

        var wants = Terms.IsStrict && !IsRetired;
        var extension = new LeaseExtension(this, Generation, _answer, timestamp)
        {
            Base = Leased,
            Deficit = wants ? Math.Max(0, Saturating(_askedAmount)) : 0,
            Smallest = wants ? Saturating(_askedSmallest) : 0,
            Preferred = wants ? Math.Max(0, Step - Math.Max(0, Available)) : 0,
            Closes = closes,
        };
        (_answer, _askedAmount, _askedSmallest) = (null, 0, 0);
        return extension;
    }

    /// <summary>Applies what became durable. A lease that was cut down meanwhile takes nothing: the next extension mends the row.</summary>
    public void Apply(LeaseExtension extension, long nowMs)
    {
        IsDurable = true;
        Others = extension.TakenByOthers;
        if (extension.Closes)
        {
            (IsClosed, Leased) = (true, Used);
        }
        else if (extension.Generation == Generation)
        {
            GrantedAtMs = extension.Leased > Leased ? nowMs : GrantedAtMs;
            Leased = extension.Leased;
            Headroom = extension.Headroom;
            CheckedAt = extension.Timestamp;
            CloseIfDue();
        }
        else
        {
            Book.Queue(this);
        }
    }

    /// <summary>
    /// Gives back what is not in use, and what a lowered amount no longer covers, even if it is in use: holds that end then must
    /// not free it again. At once in memory, soon after in the database.
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
        Generation++;
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

    /// <summary>An asked amount beyond what is there; the sum of many asks may pass what 64 bits hold.</summary>
    private long Saturating(long asked)
    {
        var deficit = (Int128)asked - Available;
        return deficit > long.MaxValue ? long.MaxValue : (long)deficit;
    }
}
