using System.Diagnostics.CodeAnalysis;
using System.Threading.Tasks.Sources;

namespace Crew.Storage;

/// <summary>
/// A piece of work for the hot append path: rows and counter deltas that become durable together in one shared commit.
/// Await <see cref="Committer.AppendAsync"/>; true means durable, false means that nothing of it was written.
/// </summary>
[SuppressMessage("Design", "CA1033:Interface methods should be callable by child types", Justification = "The task plumbing is nobody's business.")]
public class AppendWork : IValueTaskSource<bool>
{
    private ManualResetValueTaskSourceCore<bool> _completion;

    public List<AppendRow> Rows { get; } = new(2);

    public List<CounterDelta> Counters { get; } = new(4);

    /// <summary>
    /// Runs on the committing thread just before the rows are written. The last moment to see that the credential was
    /// revoked meanwhile, and to change rows accordingly. Must be quick, must not throw, and runs again when a batch is retried, or
    /// when the change feed has moved while it was written.
    /// </summary>
    /// <returns>Whether it changed the rows.</returns>
    public virtual bool BeforeWrite() => false;

    /// <summary>
    /// One of the rows is there already, so nothing was written: an earlier commit of the same rows stands, though its answer got lost.
    /// </summary>
    public bool IsDuplicate { get; internal set; }

    /// <summary>A constraint refused one of the rows.</summary>
    internal bool Refused { get; set; }

    /// <summary>The database went away before this one had its turn.</summary>
    internal bool Failed { get; set; }

    internal ValueTask<bool> Durable => new(this, _completion.Version);

    internal void Complete(bool durable) => _completion.SetResult(durable);

    bool IValueTaskSource<bool>.GetResult(short token) => _completion.GetResult(token);

    ValueTaskSourceStatus IValueTaskSource<bool>.GetStatus(short token) => _completion.GetStatus(token);

    void IValueTaskSource<bool>.OnCompleted(Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) =>
        _completion.OnCompleted(continuation, state, token, flags);
}
