namespace Crew.Storage;

/// <summary>
/// The one place where writes become durable. Appended rows of many requests share one commit; management transactions on
/// SQLite queue here too, in order, because SQLite has one writer.
/// </summary>
public abstract class Committer
{
    /// <summary>Waiting works beyond this are refused at once (false), so that a stalled disk cannot eat the memory.</summary>
    public const int MaximumWaiting = 65_536;

    private volatile bool _isCommitting;

    /// <summary>Queues the work and completes when its rows are durable (true) or cannot be made so (false). Never throws.</summary>
    public abstract ValueTask<bool> AppendAsync(AppendWork work);

    /// <summary>
    /// As <see cref="AppendAsync"/>, for a request that must not wait for a database that stands still. False is also the answer when no
    /// commit at all came to its end for that long; then the rows stay in the queue and may still become durable. A database that is busy
    /// is waited for.
    /// </summary>
    /// <param name="whenLost">Gets the work when it is certain that nothing of it was written, be it after the answer.</param>
    public async ValueTask<bool> AppendWithinAsync(AppendWork work, TimeSpan patience, TimeProvider clock, Action<AppendWork>? whenLost = null)
    {
        var durable = AppendAsync(work).AsTask();
        while (true)
        {
            var commits = Commits;
            try
            {
                if (await durable.WaitAsync(patience, clock))
                {
                    return true;
                }

                whenLost?.Invoke(work);
                return false;
            }
            catch (TimeoutException)
            {
                if (HasStoodStillSince(commits) && !durable.IsCompleted)
                {
                    _ = WatchAsync(durable, work, whenLost);
                    return false;
                }
            }
        }
    }

    private static async Task WatchAsync(Task<bool> durable, AppendWork work, Action<AppendWork>? whenLost)
    {
        if (!await durable)
        {
            whenLost?.Invoke(work);
        }
    }

    /// <summary>Commits that failed since start, for metrics.</summary>
    public long Failures { get; private set; }

    /// <summary>Whether the last commit failed.</summary>
    public bool IsFailing { get; private set; }

    /// <summary>Whether the last commit failed because the database has no room left.</summary>
    public bool IsOutOfRoom { get; private set; }

    /// <summary>
    /// Whether a commit is under way and none has ended since there were that many. A committer with nothing to do does not stand still: who
    /// waits then waits for the processor.
    /// </summary>
    public bool HasStoodStillSince(long commits) => Commits == commits && _isCommitting;

    /// <summary>Notes that a commit begins.</summary>
    private protected void Begin() => _isCommitting = true;

    /// <summary>Notes how a commit went.</summary>
    private protected void Note(bool isUnavailable, bool isOutOfRoom = false)
    {
        _isCommitting = false;
        Failures += isUnavailable ? 1 : 0;
        (IsFailing, IsOutOfRoom) = (isUnavailable, isUnavailable && isOutOfRoom);
    }

    /// <summary>Commits made since start, for metrics.</summary>
    public long Commits { get; protected set; }

    /// <summary>Works made durable since start, for metrics.</summary>
    public long Works { get; protected set; }

    /// <summary>Completes works off the committing thread, in chunks: one wake-up serves many waiting requests.</summary>
    private protected static void CompleteAll(List<AppendWork> works, bool durable)
    {
        const int chunk = 16;
        for (var start = 0; start < works.Count; start += chunk)
        {
            var part = works.GetRange(start, Math.Min(chunk, works.Count - start));
            ThreadPool.UnsafeQueueUserWorkItem(static state =>
            {
                foreach (var work in state.part)
                {
                    work.Complete(state.durable && !work.Refused && !work.Failed);
                }
            }, (part, durable), preferLocal: false);
        }
    }
}
