using Crew.Kernel;
using Microsoft.Data.Sqlite;

namespace Crew.Storage;

/// <summary>
/// One thread owns the write connection and a first-in-first-out queue. It takes what waits, runs it in order in one
/// transaction, commits once (WAL, synchronous=FULL) and wakes all waiters. While the disk syncs, the next batch gathers.
/// </summary>
internal sealed class SqliteCommitter(StoreOptions options, Func<SqliteConnection> open, TimeProvider clock) : Committer
{
    /// <summary>
    /// WAL frames (pages of 4 KiB) above which the writing thread ends a checkpoint itself. Beside a busy writer no checkpoint ever comes
    /// to the end of the log, and the file starts over only when one has: after two minutes of load it was about two gigabytes.
    /// </summary>
    private const int MostWalFrames = 8_192;

    /// <summary>
    /// Page cache of the write connection in KiB. It holds the ends of a few trees and the ways there; what else a batch touches comes
    /// from the system's cache. Four times as much saved nothing for one workspace, a few percent of
    /// this thread's time with rows at random in 5,000, and held 26 MB more.
    /// </summary>
    private const int CacheKibibytes = 8_000;

    private readonly Lock _gate = new();
    private readonly SemaphoreSlim _wake = new(0, 1);
    private List<object> _waiting = [];
    private bool _sleeping;
    private volatile bool _stopped;
    private volatile bool _walIsLong;
    private Thread? _thread;
    private Timer? _checkpoints;

    public void Start()
    {
        if (_thread is not null)
        {
            return;
        }

        _thread = new Thread(Run) { IsBackground = true, Name = "sqlite committer" };
        _thread.Start();
        _checkpoints = new Timer(_ => Checkpoint(), null, 250, 250);
    }

    public override ValueTask<bool> AppendAsync(AppendWork work) => Enqueue(work) ? work.Durable : new ValueTask<bool>(false);

    public Task<Outcome<T>> ChangeAsync<T>(Func<SqliteConnection, Db> openDb, Func<Db, Task<Outcome<T>>> work)
    {
        Start();
        var change = new SqliteChange<T>(openDb, work);
        return Enqueue(change) ? change.Completion : Task.FromResult<Outcome<T>>(Faults.StorageUnavailable);
    }

    /// <summary>Whether a commit that writes nothing but the lock gets through.</summary>
    public async Task<bool> IsWritableAsync(CancellationToken cancel)
    {
        try
        {
            return await AppendAsync(new AppendWork()).AsTask().WaitAsync(TimeSpan.FromSeconds(5), clock, cancel);
        }
        catch (TimeoutException)
        {
            return false;
        }
    }

    public void Stop()
    {
        _stopped = true;
        _checkpoints?.Dispose();
        Wake();
        _thread?.Join();
    }

    private bool Enqueue(object item)
    {
        bool wake;
        lock (_gate)
        {
            if (_stopped || _waiting.Count >= MaximumWaiting)
            {
                return false;
            }

            _waiting.Add(item);
            wake = _sleeping && (_waiting.Count == 1 || _waiting.Count >= options.BatchWorks);
            _sleeping &= !wake;
        }

        if (wake)
        {
            Wake();
        }

        return true;
    }

    private void Wake()
    {
        try
        {
            _wake.Release();
        }
        catch (SemaphoreFullException)
        {
            // Already awake: the permit that is there does the same.
        }
    }

    private void Run()
    {
        using var batch = new SqliteBatch(open(), clock);
        batch.Execute($"PRAGMA wal_autocheckpoint=0; PRAGMA cache_size=-{CacheKibibytes}");
        var gathering = new GatherRule(TimeSpan.FromMilliseconds(options.GatherMilliseconds), clock);
        while (true)
        {
            var items = Take(gathering.Pays);
            if (items.Count == 0)
            {
                return;
            }

            Begin();
            Commit(batch, items);
            gathering.Note(items.Count);
            if (_walIsLong)
            {
                // The checkpoint beside us has just moved nearly all of it, so this is a matter of milliseconds. The next commit begins
                // the file anew, unless a reader still looks at its end.
                _walIsLong = false;
                batch.Checkpoint();
            }
        }
    }

    /// <summary>Waits for work; under load it gathers for up to a millisecond, so that more rows share the commit. Empty means stop.</summary>
    private List<object> Take(bool gather)
    {
        while (true)
        {
            lock (_gate)
            {
                if (_waiting.Count > 0 && (!gather || _waiting.Count >= options.BatchWorks || _stopped))
                {
                    return Swap();
                }

                if (_waiting.Count == 0 && _stopped)
                {
                    return [];
                }

                _sleeping = true;
            }

            bool empty;
            lock (_gate)
            {
                empty = _waiting.Count == 0;
            }

            _wake.Wait(empty ? Timeout.Infinite : options.GatherMilliseconds);
            if (!empty)
            {
                gather = false;
            }
        }
    }

    private List<object> Swap()
    {
        _sleeping = false;
        var items = _waiting;
        _waiting = new List<object>(items.Count);
        return items;
    }

    private void Commit(SqliteBatch batch, List<object> items)
    {
        var durable = false;
        var begun = false;
        try
        {
            CrashPoint.Pass(CrashPoints.SqliteBatchBefore);
            batch.Begin();
            begun = true;
            foreach (var item in items)
            {
                if (item is AppendWork work)
                {
                    WriteOrRefuse(batch, work);
                }
                else
                {
                    ((SqliteChange)item).Run(batch);
                }
            }

            batch.WriteCounters();
            batch.MoveMarks();
            CrashPoint.Pass(CrashPoints.SqliteCommitBefore);
            batch.Commit();
            CrashPoint.Pass(CrashPoints.SqliteCommitAfter);
            durable = true;
        }
        catch (Exception)
        {
            Rollback(batch, begun);
        }

        Commits++;
        Works += items.Count;
        Note(!durable);
        CompleteAll([.. items.OfType<AppendWork>()], durable);
        foreach (var change in items.OfType<SqliteChange>())
        {
            change.Complete(durable);
        }
    }

    /// <summary>A row that a constraint refuses is a bug of its own request; it must not take the whole batch with it.</summary>
    private static void WriteOrRefuse(SqliteBatch batch, AppendWork work)
    {
        try
        {
            batch.Write(work);
        }
        catch (SqliteException error) when (!SqliteErrors.IsUnavailable(error))
        {
            (work.Refused, work.IsDuplicate) = (true, SqliteErrors.IsUnique(error));
        }
    }

    private static void Rollback(SqliteBatch batch, bool begun)
    {
        batch.Forget();
        try
        {
            if (begun)
            {
                batch.Execute("ROLLBACK");
            }
        }
        catch (SqliteException)
        {
            // SQLite has already rolled back by itself (disk full, input/output error).
        }
    }

    /// <summary>Moves the WAL into the database beside the commit path, never blocking the writer.</summary>
    private void Checkpoint()
    {
        try
        {
            using var connection = open();
            using var command = connection.CreateCommand();
            command.CommandText = "PRAGMA wal_checkpoint(PASSIVE)";
            CrashPoint.Pass(CrashPoints.SqliteCheckpointBefore);
            using var row = command.ExecuteReader();
            _walIsLong |= row.Read() && row.GetInt64(1) > MostWalFrames;
            CrashPoint.Pass(CrashPoints.SqliteCheckpointAfter);
        }
        catch (SqliteException)
        {
            // The next tick tries again; until then the WAL only grows.
        }
    }
}
