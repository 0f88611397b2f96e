using Crew.Kernel;
using Microsoft.Data.Sqlite;
using Microsoft.EntityFrameworkCore;

namespace Crew.Storage;

/// <summary>A management transaction waiting for its turn on the writing thread.</summary>
internal abstract class SqliteChange
{
    /// <summary>Runs within the open batch, under a savepoint. Throws only when the whole batch is lost.</summary>
    public abstract void Run(SqliteBatch batch);

    /// <summary>Tells the waiting caller how it ended.</summary>
    public abstract void Complete(bool durable);
}

internal sealed class SqliteChange<T>(Func<SqliteConnection, Db> open, Func<Db, Task<Outcome<T>>> work) : SqliteChange
{
    private readonly TaskCompletionSource<Outcome<T>> _completion = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private Outcome<T> _outcome;
    private Exception? _error;

    public Task<Outcome<T>> Completion => _completion.Task;

    public override void Run(SqliteBatch batch)
    {
        batch.Execute("SAVEPOINT change");
        try
        {
            using var db = open(batch.Connection);
            var running = work(db);
            _outcome = running.IsCompleted
                ? running.GetAwaiter().GetResult()
                : throw new InvalidOperationException("A change waited for something other than its database.");
            if (_outcome.Fault is null)
            {
                batch.Write(db);
            }
        }
        catch (DbUpdateConcurrencyException)
        {
            _outcome = Faults.VersionConflict;
        }
        catch (Exception error) when (SqliteErrors.Inner(error) is { } sqlite && SqliteErrors.IsUnique(sqlite))
        {
            _outcome = SqliteErrors.Conflict;
        }
        catch (Exception error) when (SqliteErrors.Unavailable(error) is not null)
        {
            throw;
        }
        catch (Exception error)
        {
            (_error, _outcome) = (error, Faults.StorageUnavailable);
        }

        if (_outcome.Fault is null)
        {
            batch.Execute("RELEASE change");
            return;
        }

        batch.Execute("ROLLBACK TO change; RELEASE change");
        batch.ReadNumbersAgain();
    }

    public override void Complete(bool durable)
    {
        if (_error is not null)
        {
            _completion.SetException(_error);
        }
        else
        {
            _completion.SetResult(durable || _outcome.Fault is not null ? _outcome : Faults.StorageUnavailable);
        }
    }
}
