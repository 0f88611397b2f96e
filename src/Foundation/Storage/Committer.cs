namespace Crew.Storage;

/// <summary>
/// The one place where writes become durable. Appended rows of many requests share one commit; management transactions on
/// SQLite queue here too, in order, because SQLite has one writer.
/// </summary>
public abstract class Committer
{
    /// <summary>Waiting works beyond this are refused at once (false), so that a stalled disk cannot eat the memory.</summary>
    public const int MaximumWaiting = 65_536;

    /// <summary>Queues the work and completes when its rows are durable (true) or cannot be made so (false). Never throws.</summary>
    public abstract ValueTask<bool> AppendAsync(AppendWork work);

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
                    work.Complete(state.durable && !work.Refused);
                }
            }, (part, durable), preferLocal: false);
        }
    }
}
