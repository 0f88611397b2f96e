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
internal sealed class SlotLease(string subject, Action<SlotLease> enqueue, Func<long> epoch, TimeProvider clock) : ILease
{
    /// <summary>Waiting streams beyond this are refused: that many are over any limit.</summary>
    private const int MaximumWaiting = 1_024;

    /// <summary>Longest wait of a stream for the database.</summary>
    private const int WaitMilliseconds = 2_000;

    /// <summary>How long a "nothing left" is believed, before the next stream may ask again.</summary>
    private const int EmptyMilliseconds = 100;

    /// <summary>Pause before asking again, while other nodes give back what they do not use.</summary>
    private const int RecallMilliseconds = 25;
    private const int Recalls = 4;

    /// <summary>Slots to spare go back after this.</summary>
    private const int IdleMilliseconds = 1_000;
    private const int LargestSpare = 16;

    private readonly Lock _gate = new();
    private TaskCompletionSource<Answered>? _pending;
    private bool _isAsked;
    private int _waiting;
    private int _inVain;
    private int _limit;
    private int _held;
    private int _used;
    private long _epoch;
    private long _usedAt = clock.GetTimestamp();
    private long _emptyUntil = long.MinValue;

    private enum Answered
    {
        Given,
        Nothing,
        Failed,
    }

    public string Subject { get; } = subject;

    public TimeSpan UnusedFor
    {
        get
        {
            lock (_gate)
            {
                return _held > 0 ? TimeSpan.Zero : clock.GetElapsedTime(_usedAt);
            }
        }
    }

    /// <summary>Takes a slot. False when all are taken, here and elsewhere.</summary>
    public ValueTask<Outcome<bool>> EnterAsync(int limit)
    {
        lock (_gate)
        {
            return TryEnter(limit) is { } entered ? ValueTask.FromResult<Outcome<bool>>(entered) : WaitAsync(limit, Join());
        }
    }

    public void Leave()
    {
        lock (_gate)
        {
            (_used, _usedAt) = (_used - 1, clock.GetTimestamp());
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
        lock (_gate)
        {
            _isAsked = false;
            var want = _pending is null ? 0 : _waiting + Math.Min(_used / 4, LargestSpare);
            return new SlotAsk(Subject, _limit, _epoch, _held, want, _waiting);
        }
    }

    /// <summary>Takes the answer in; null means that the database did not give one.</summary>
    public void Answer(SlotGrant? grant, long askedUnder)
    {
        lock (_gate)
        {
            if (grant is null)
            {
                Complete(Answered.Failed);
                return;
            }

            (_held, _epoch) = (_held + (int)grant.Given, askedUnder);
            if (grant.Given > 0 || _waiting == 0)
            {
                _inVain = 0;
                Complete(Answered.Given);
            }
            else if (grant.Nodes > 1 && _inVain < Recalls)
            {
                _inVain++;
                QueueLater();
            }
            else
            {
                (_inVain, _emptyUntil) = (0, clock.GetTimestamp() + (EmptyMilliseconds * clock.TimestampFrequency / 1_000));
                Complete(Answered.Nothing);
            }
        }
    }

    public void Tidy(bool isShort)
    {
        lock (_gate)
        {
            var isElsewhere = _held > 0 && _epoch != epoch();
            var isIdle = isShort || clock.GetElapsedTime(_usedAt).TotalMilliseconds >= IdleMilliseconds;
            if (_held > _used && isIdle && _waiting == 0)
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

        (_limit, _usedAt) = (limit, clock.GetTimestamp());
        if (_used < _held && _used < limit)
        {
            _used++;
            return true;
        }

        return _used >= limit || _usedAt < _emptyUntil || _waiting >= MaximumWaiting ? false : null;
    }

    private async ValueTask<Outcome<bool>> WaitAsync(int limit, Task<Answered> answering)
    {
        while (true)
        {
            var answered = await AnsweredAsync(answering);
            if (answered == Answered.Failed)
            {
                return Faults.StorageUnavailable;
            }

            lock (_gate)
            {
                if (TryEnter(limit) is { } entered)
                {
                    return entered;
                }

                if (answered == Answered.Nothing)
                {
                    return false;
                }

                answering = Join();
            }
        }
    }

    private async ValueTask<Answered> AnsweredAsync(Task<Answered> answering)
    {
        try
        {
            return await answering.WaitAsync(TimeSpan.FromMilliseconds(WaitMilliseconds), clock);
        }
        catch (TimeoutException)
        {
            return Answered.Failed;
        }
    }

    /// <summary>Joins those who wait for the next answer.</summary>
    private Task<Answered> Join()
    {
        _waiting++;
        if (_pending is null)
        {
            _pending = new TaskCompletionSource<Answered>(TaskCreationOptions.RunContinuationsAsynchronously);
            Queue();
        }

        return _pending.Task;
    }

    private void Complete(Answered answered)
    {
        _pending?.SetResult(answered);
        (_pending, _waiting) = (null, 0);
    }

    private void Queue()
    {
        if (!_isAsked)
        {
            _isAsked = true;
            enqueue(this);
        }
    }

    private void QueueLater()
    {
        _isAsked = true;
        _ = Task.Delay(TimeSpan.FromMilliseconds(RecallMilliseconds), clock).ContinueWith(
            static (_, lease) => ((SlotLease)lease!).Requeue(), this, CancellationToken.None, TaskContinuationOptions.None, TaskScheduler.Default);
    }

    private void Requeue() => enqueue(this);
}
