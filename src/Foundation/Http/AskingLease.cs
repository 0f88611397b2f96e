namespace Crew.Http;

/// <summary>
/// How a lease asks the database for more: one question at a time, and all who need its answer wait for the same one. Members that change
/// something are called under <see cref="Gate"/>.
/// </summary>
/// <param name="enqueue">Hands the lease to the desk that asks for many at once.</param>
/// <param name="failed">The answer when none has come.</param>
internal abstract class AskingLease<TSelf, TAnswer>(Action<TSelf> enqueue, TAnswer failed, TimeProvider clock)
    where TSelf : AskingLease<TSelf, TAnswer>
{
    /// <summary>Who waits beyond this is refused: that many are over any limit.</summary>
    private const int MaximumWaiting = 1_024;

    /// <summary>Longest wait for the database.</summary>
    private const int WaitMilliseconds = 2_000;

    /// <summary>Pause before asking again, while other nodes give back what they do not use.</summary>
    private const int RecallMilliseconds = 25;

    private TaskCompletionSource<TAnswer>? _pending;
    private bool _isAsked;

    protected Lock Gate { get; } = new();

    protected TimeProvider Clock => clock;

    /// <summary>How many wait for the answer to come.</summary>
    protected int Waiting { get; private set; }

    protected bool IsCrowded => Waiting >= MaximumWaiting;

    /// <summary>Whether an answer is to come, waited for or not.</summary>
    protected bool IsPending => _pending is not null;

    /// <summary>Joins those who wait for the next answer.</summary>
    protected Task<TAnswer> Join()
    {
        Waiting++;
        Expect();
        return _pending!.Task;
    }

    /// <summary>Asks for an answer that nobody waits for yet.</summary>
    protected void Expect()
    {
        if (_pending is null)
        {
            _pending = new TaskCompletionSource<TAnswer>(TaskCreationOptions.RunContinuationsAsynchronously);
            Queue();
        }
    }

    /// <summary>The answer that was joined, or that none came in time.</summary>
    protected async ValueTask<TAnswer> AnsweredAsync(Task<TAnswer> answering)
    {
        try
        {
            return await answering.WaitAsync(TimeSpan.FromMilliseconds(WaitMilliseconds), clock);
        }
        catch (TimeoutException)
        {
            return failed;
        }
    }

    /// <summary>The desk is asking now: what comes up from here on is for the next question.</summary>
    protected void Asking() => _isAsked = false;

    protected void Complete(TAnswer answer)
    {
        _pending?.SetResult(answer);
        (_pending, Waiting) = (null, 0);
    }

    /// <summary>Has the desk ask, unless it is about to.</summary>
    protected void Queue()
    {
        if (!_isAsked)
        {
            _isAsked = true;
            Requeue();
        }
    }

    protected void QueueLater()
    {
        _isAsked = true;
        _ = Task.Delay(TimeSpan.FromMilliseconds(RecallMilliseconds), clock).ContinueWith(
            static (_, lease) => ((AskingLease<TSelf, TAnswer>)lease!).Requeue(), this, CancellationToken.None, TaskContinuationOptions.None, TaskScheduler.Default);
    }

    private void Requeue() => enqueue((TSelf)this);
}
