using Crew.Kernel;

namespace Crew.Http;

/// <summary>What a node tells for one subject and asks for.</summary>
/// <param name="Before">The epoch under which its slots stood before; its own where nothing changed.</param>
/// <param name="Keep">Slots that it has, in use or to spare: what it does not name it gives back.</param>
/// <param name="Want">Slots that it would like beside them.</param>
/// <param name="Waiting">Of those, the ones that somebody waits for.</param>
internal readonly record struct SlotAsk(string Subject, long Limit, long Before, long Keep, long Want, long Waiting);

/// <summary>What the database answers.</summary>
/// <param name="Given">Slots handed out by this answer.</param>
/// <param name="Nodes">Nodes that serve.</param>
internal sealed record SlotGrant(string Subject, long Given, long Nodes);

/// <summary>
/// This node's slots of what one subject may have open at one moment. While it has some to spare, a stream opens in memory; else the
/// database is asked, which never has more out than the limit. What is to spare goes back when it is idle, or when others are short of it.
/// <code>
/// limit of the subject = in use here + to spare here + held by other nodes + free in the database
/// </code>
/// A node says what it keeps, not what it returns, so that a lost answer or a new epoch mends itself with the next ask.
/// </summary>
internal sealed class SlotLease(string subject, Action<SlotLease> enqueue, Func<long> epoch, TimeProvider clock)
    : AskingLease<SlotLease, SlotAnswer>(enqueue, SlotAnswer.Failed, clock), ILease
{
    /// <summary>How long a "nothing left" is believed, before the next stream may ask again.</summary>
    private const int EmptyMilliseconds = 100;

    /// <summary>How often it is asked again at once, while other nodes give back what they do not use.</summary>
    private const int Recalls = 4;

    /// <summary>Slots to spare go back after this.</summary>
    private const int IdleMilliseconds = 1_000;
    private const int LargestSpare = 16;

    private int _inVain;
    private int _limit;
    private int _held;
    private int _used;
    private long _epoch;
    private long _usedAt = clock.GetTimestamp();
    private long _emptyUntil = long.MinValue;

    public string Subject { get; } = subject;

    public TimeSpan UnusedFor
    {
        get
        {
            lock (Gate)
            {
                return _held > 0 ? TimeSpan.Zero : Clock.GetElapsedTime(_usedAt);
            }
        }
    }

    /// <summary>Takes a slot. False when all are taken, here and elsewhere.</summary>
    public ValueTask<Outcome<bool>> EnterAsync(int limit)
    {
        lock (Gate)
        {
            return TryEnter(limit) is { } entered ? ValueTask.FromResult<Outcome<bool>>(entered) : WaitAsync(limit, Join());
        }
    }

    public void Leave()
    {
        lock (Gate)
        {
            (_used, _usedAt) = (_used - 1, Clock.GetTimestamp());
            if (_held > _limit)
            {
                // The limit was lowered meanwhile.
                _held--;
                Queue();
            }
        }
    }

    /// <summary>What to ask now. Called by the desk, once for each time the lease was queued.</summary>
    public SlotAsk Draw()
    {
        lock (Gate)
        {
            Asking();
            var want = !IsPending ? 0 : Waiting + Math.Min(_used / 4, LargestSpare);
            return new SlotAsk(Subject, _limit, _epoch, _held, want, Waiting);
        }
    }

    /// <summary>Takes the answer in; null means that the database did not give one.</summary>
    public void Answer(SlotGrant? grant, long askedUnder)
    {
        lock (Gate)
        {
            if (grant is null)
            {
                Complete(SlotAnswer.Failed);
                return;
            }

            (_held, _epoch) = (_held + (int)grant.Given, askedUnder);
            if (grant.Given > 0 || Waiting == 0)
            {
                _inVain = 0;
                Complete(SlotAnswer.Given);
            }
            else if (grant.Nodes > 1 && _inVain < Recalls)
            {
                _inVain++;
                QueueLater();
            }
            else
            {
                (_inVain, _emptyUntil) = (0, Clock.GetTimestamp() + (EmptyMilliseconds * Clock.TimestampFrequency / 1_000));
                Complete(SlotAnswer.Nothing);
            }
        }
    }

    public void Tidy(bool isShort)
    {
        lock (Gate)
        {
            var isElsewhere = _held > 0 && _epoch != epoch();
            var isIdle = isShort || Clock.GetElapsedTime(_usedAt).TotalMilliseconds >= IdleMilliseconds;
            if (_held > _used && isIdle && Waiting == 0)
            {
                _held = _used;
                Queue();
            }
            else if (isElsewhere)
            {
                // The others had given this node up: what is open here has to be known under its new number.
                Queue();
            }
        }
    }

    private bool? TryEnter(int limit)
    {
        if (limit < _limit && _held > _used)
        {
            // What was to spare may be more than there is now.
            _held = _used;
            Queue();
        }

        (_limit, _usedAt) = (limit, Clock.GetTimestamp());
        if (_used < _held && _used < limit)
        {
            _used++;
            return true;
        }

        return _used >= limit || _usedAt < _emptyUntil || IsCrowded ? false : null;
    }

    private async ValueTask<Outcome<bool>> WaitAsync(int limit, Task<SlotAnswer> answering)
    {
        while (true)
        {
            var answered = await AnsweredAsync(answering);
            if (answered == SlotAnswer.Failed)
            {
                return Faults.StorageUnavailable;
            }

            lock (Gate)
            {
                if (TryEnter(limit) is { } entered)
                {
                    return entered;
                }

                if (answered == SlotAnswer.Nothing)
                {
                    return false;
                }

                answering = Join();
            }
        }
    }
}

/// <summary>What those who wait for a slot are told.</summary>
internal enum SlotAnswer
{
    Given,
    Nothing,
    Failed,
}
