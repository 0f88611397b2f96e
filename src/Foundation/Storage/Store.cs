using Crew.Kernel;
using Microsoft.EntityFrameworkCore;

namespace Crew.Storage;

/// <summary>
/// The door to the database. Every use is one transaction of one tenant, or one of the named <see cref="SystemJob"/>s.
/// A change, its events and what the event sinks write commit together or not at all.
/// </summary>
/// <remarks>
/// The work given to <c>ChangeAsync</c> must only use its <see cref="Db"/>: on SQLite it runs on the one writing thread, where
/// waiting for anything else would stop all writers. It may run again after a serialization failure on PostgreSQL.
/// </remarks>
public abstract class Store : IAsyncDisposable
{
    private readonly IReadOnlyList<IEventSink> _sinks;

    private protected Store(StorageModel model, IEnumerable<IEventSink> sinks, TimeProvider clock)
    {
        (Model, _sinks, Clock) = (model, [.. sinks], clock);
        Feed = new ChangeFeed(this);
        Election = new Election(this, clock);
        Node = new Node(clock);
        Starting = new StartWait(clock);
    }

    public ChangeFeed Feed { get; }

    /// <summary>Which node does the work that one node does at a time.</summary>
    public Election Election { get; }

    /// <summary>This process's place among the nodes that serve the database.</summary>
    public Node Node { get; }

    /// <summary>How long a starting server waits for the database.</summary>
    public StartWait Starting { get; }

    public abstract Committer Committer { get; }

    /// <summary>The room of the disk that SQLite writes to; null where the database is elsewhere.</summary>
    public virtual DiskReserve? Disk => null;

    /// <summary><c>sqlite</c> or <c>postgres</c>.</summary>
    public abstract string Dialect { get; }

    protected internal TimeProvider Clock { get; }

    private protected StorageModel Model { get; }

    /// <summary>Opens the store that the options name. Touches nothing yet; see <see cref="MigrateAsync"/>.</summary>
    public static Store Open(StoreOptions options, StorageModel model, IEnumerable<IEventSink> sinks, TimeProvider clock) =>
        options.PostgresConnectionString is { } connection
            ? new PostgresStore(options, connection, model, sinks, clock)
            : new SqliteStore(options, model, sinks, clock);

    /// <summary>Reads within a tenant's snapshot.</summary>
    /// <exception cref="StorageUnavailableException">The database did not answer.</exception>
    public Task<T> ReadAsync<T>(Tenant tenant, Func<Db, Task<T>> work, CancellationToken cancel = default) => ReadCoreAsync(tenant, null, work, cancel);

    /// <summary>Reads across tenants, for a named job.</summary>
    /// <exception cref="StorageUnavailableException">The database did not answer.</exception>
    public Task<T> ReadAsync<T>(SystemJob job, Func<Db, Task<T>> work, CancellationToken cancel = default) => ReadCoreAsync(null, job, work, cancel);

    /// <summary>Runs a change of one tenant. A fault rolls everything back; an unreachable database is the fault <c>storage_unavailable</c>.</summary>
    public Task<Outcome<T>> ChangeAsync<T>(Tenant tenant, Origin origin, Func<Db, Task<Outcome<T>>> work, CancellationToken cancel = default) =>
        ChangeAndFollowAsync(tenant, null, origin, work, cancel);

    /// <summary>Runs a change across tenants, for a named job.</summary>
    public Task<Outcome<T>> ChangeAsync<T>(SystemJob job, Origin origin, Func<Db, Task<Outcome<T>>> work, CancellationToken cancel = default) =>
        ChangeAndFollowAsync(null, job, origin, work, cancel);

    /// <summary>
    /// Builds on another thread what the first transaction would otherwise build: EF's model, about a third of a second that a
    /// starting server has other work for. Opens no connection. Need not be awaited: a transaction that comes earlier waits for the
    /// same model, and what fails here fails there again.
    /// </summary>
    public Task PrepareAsync() => Task.Run(() =>
    {
        using var db = Detached();
        _ = db.Model;
    });

    /// <summary>Whether the database holds a Crew schema already.</summary>
    public abstract Task<bool> ExistsAsync(CancellationToken cancel = default);

    /// <summary>Applies the schema files that are missing, under a lock. Refuses a changed file or a database from a newer version.</summary>
    public abstract Task<Outcome<int>> MigrateAsync(CancellationToken cancel = default);

    /// <summary>How many schema files are missing, changing nothing. Refuses as <see cref="MigrateAsync"/> does.</summary>
    /// <exception cref="StorageUnavailableException">The database did not answer.</exception>
    public abstract Task<Outcome<int>> PendingAsync(CancellationToken cancel = default);

    /// <summary>
    /// Copies everything out of one snapshot, while others go on writing: a logical copy that either database takes in again, in
    /// bounded memory. Refuses a schema that this program does not know.
    /// </summary>
    /// <exception cref="StorageUnavailableException">The database did not answer.</exception>
    public abstract Task<Outcome<TransferReport>> ExportAsync(Stream target, string crewVersion, CancellationToken cancel = default);

    /// <summary>
    /// Takes a copy into a place without a Crew database, brings its schema up to date and moves the change feed; all of it or
    /// nothing. <paramref name="check"/> looks at the result before it becomes real. What <paramref name="source"/> throws passes through.
    /// </summary>
    public abstract Task<Outcome<TransferReport>> ImportAsync(Stream source, Func<Db, Task<Fault?>> check, CancellationToken cancel = default);

    /// <summary>What an operator should know about the database itself, for <c>crew doctor</c>. Changes nothing.</summary>
    public abstract Task<IReadOnlyList<StoreFinding>> ExamineAsync(CancellationToken cancel = default);

    /// <summary>The database that EF would create from the model, for the test that compares it with the written schema.</summary>
    public string GenerateModelScript()
    {
        using var db = Detached();
        return db.Database.GenerateCreateScript();
    }

    /// <summary>Starts the committer and the feed's poll. After this <see cref="Committer"/> accepts work.</summary>
    public abstract Task<Outcome<bool>> StartAsync(CancellationToken cancel = default);

    /// <summary>
    /// Becomes one of the nodes that changes wait for, until it is disposed; call after the start and before the first request.
    /// From then on <see cref="Node.IsLive"/> says whether this process may act.
    /// </summary>
    /// <exception cref="StorageUnavailableException">The database did not answer.</exception>
    public abstract Task<IAsyncDisposable> JoinAsync(CancellationToken cancel = default);

    /// <summary>
    /// Takes a place among the servers of this database, until it is disposed or the process ends: the only one on SQLite, one of
    /// many on PostgreSQL. Null when there is none: another server, or a command that works alone, is at it.
    /// </summary>
    public abstract Task<IAsyncDisposable?> TryServeAsync(CancellationToken cancel = default);

    /// <summary>Claims the database for work beside which no server may run, until it is disposed; null when a server runs.</summary>
    public abstract Task<IAsyncDisposable?> TryClaimAsync(CancellationToken cancel = default);

    /// <summary>Waits until no other process makes a first installation here; what is not there after that is this process's to make.</summary>
    public abstract Task<IAsyncDisposable> TurnAsync(CancellationToken cancel = default);

    /// <summary>A cheap round trip, for readiness.</summary>
    public abstract Task<bool> IsReachableAsync(CancellationToken cancel = default);

    public abstract ValueTask DisposeAsync();

    /// <summary>The changes behind a version, oldest first.</summary>
    internal abstract Task<IReadOnlyList<FeedRow>> ReadFeedAsync(long after, int most, CancellationToken cancel);

    /// <summary>The version of the last change.</summary>
    internal abstract Task<long> ReadVersionAsync(CancellationToken cancel);

    /// <summary>Returns when nobody acts any more on what was before a version that has committed.</summary>
    private protected virtual Task FollowAsync(long version, long committedAt) => Feed.CatchUpAsync(CancellationToken.None);

    /// <summary>A context without an open connection, for what only asks the model.</summary>
    private protected abstract Db Detached();

    private protected abstract Task<T> ReadCoreAsync<T>(Tenant? tenant, SystemJob? job, Func<Db, Task<T>> work, CancellationToken cancel);

    /// <param name="revoked">Fires when the change must not be made any more.</param>
    private protected abstract Task<Outcome<T>> ChangeCoreAsync<T>(
        Tenant? tenant, SystemJob? job, Func<Db, Task<Outcome<T>>> work, CancellationToken revoked, CancellationToken cancel);

    /// <summary>Lets the sinks turn the events into rows, then saves: the last steps inside the transaction.</summary>
    private async Task<Outcome<T>> SettleAsync<T>(Db db, Origin origin, Event? access, Func<Db, Task<Outcome<T>>> work)
    {
        var outcome = await work(db);
        if (outcome.Fault is not null)
        {
            return outcome;
        }

        IReadOnlyList<Event> events = access is null ? db.Events : [.. db.Events, access];
        if (events.Count > 0)
        {
            foreach (var sink in _sinks)
            {
                sink.Write(db, origin, events);
            }
        }

        if (db.ChangeTracker.HasChanges())
        {
            await db.SaveChangesAsync();
        }

        return outcome;
    }

    private async Task<Outcome<T>> ChangeAndFollowAsync<T>(
        Tenant? tenant, SystemJob? job, Origin origin, Func<Db, Task<Outcome<T>>> work, CancellationToken cancel)
    {
        var access = origin.TakeAccess();
        Db? last = null;
        var committed = false;
        try
        {
            var outcome = await ChangeCoreAsync(tenant, job, db => SettleAsync(last = db, origin, access, work), origin.Revoked, cancel);
            committed = outcome.Fault is null;
            for (var at = 0; committed && at < last!.Appended.Count; at++)
            {
                last.Appended[at].Committed();
            }

            if (committed && (last!.Touched.Count > 0 || last.FeedVersion > 0))
            {
                await FollowAsync(last.FeedVersion, Clock.GetTimestamp());
            }

            return outcome;
        }
        finally
        {
            if (!committed && access is not null)
            {
                origin.Owe(access);
            }
        }
    }
}
