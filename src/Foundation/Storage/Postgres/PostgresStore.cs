using System.Data;
using Crew.Kernel;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Infrastructure;
using Npgsql;

namespace Crew.Storage;

/// <summary>PostgreSQL: one transaction per use under the role <c>app</c> or <c>system</c>, with the tenant set for that transaction only.</summary>
internal sealed class PostgresStore : Store
{
    private const int Attempts = 4;
    private const int ClaimAttempts = 20;

    /// <summary>A start asks first by this pool: many that begin at once may wait longer for a connection than a request may.</summary>
    private const int PatientSeconds = 15;
    private readonly StoreOptions _options;
    private readonly string _connectionString;
    private readonly PostgresRoles _roles;
    private readonly NpgsqlDataSource _migrate;
    private readonly NpgsqlDataSource _app;
    private readonly NpgsqlDataSource _append;
    private readonly NpgsqlDataSource _system;
    private readonly NpgsqlDataSource _feed;
    private readonly NpgsqlDataSource _follow;
    private readonly PostgresNodes _nodes;
    private readonly PostgresGuard _guard;
    private readonly PostgresCommitter _committer;
    private readonly CancellationTokenSource _stopping = new();
    private Task _poll = Task.CompletedTask;

    public PostgresStore(StoreOptions options, string connectionString, StorageModel model, IEnumerable<IEventSink> sinks, TimeProvider clock)
        : base(model, sinks, clock)
    {
        (_options, _connectionString) = (options, connectionString);
        _roles = new PostgresRoles(connectionString);
        _migrate = PostgresRoles.Pool(connectionString, null, 2, openSeconds: PatientSeconds);
        _app = PostgresRoles.Pool(connectionString, _roles.App, 24);
        _append = PostgresRoles.Pool(connectionString, _roles.Append, 2);
        _system = PostgresRoles.Pool(connectionString, _roles.System, 8);
        _feed = PostgresRoles.Pool(connectionString, _roles.System, 4, answerSeconds: 2);

        // What followers read, apart from everything that waits for rows: a busy database must not keep a change waiting for them.
        _follow = PostgresRoles.Pool(connectionString, _roles.System, 6);
        _nodes = new PostgresNodes(_feed, _system, Feed, Node, clock);
        _guard = new PostgresGuard(_nodes, Feed, Node);
        _committer = new PostgresCommitter(options, _append, _guard, clock);
    }

    public override Committer Committer => _committer;

    public override string Dialect => "postgres";

    public override Task<bool> ExistsAsync(CancellationToken cancel = default) => Starting.RunAsync(async () =>
    {
        await using var connection = await OpenAsync(_migrate, cancel);
        return await PostgresSchema.ExistsAsync(connection, cancel);
    }, cancel);

    public override Task<Outcome<int>> MigrateAsync(CancellationToken cancel = default) => Starting.RunAsync<Outcome<int>>(async () =>
    {
        await using var connection = await OpenAsync(_migrate, cancel);
        await using var transaction = await connection.BeginTransactionAsync(cancel);
        await PostgresSchema.LockAsync(connection, cancel);
        await PostgresSchema.ExecuteAsync(connection, _roles.CreateScript(), cancel);
        await PostgresSchema.ExecuteAsync(connection, SchemaFiles.AppliedTable, cancel);
        var missing = SchemaFiles.Missing(SchemaFiles.Of(Model, Dialect), await PostgresSchema.AppliedAsync(connection, cancel));
        if (missing.Failed(out var fault))
        {
            return fault;
        }

        await PostgresSchema.ApplyAsync(connection, _roles, missing.Value, Clock, cancel);
        await transaction.CommitAsync(cancel);
        CrashPoint.Pass(CrashPoints.PostgresSchemaCommitAfter);
        return missing.Value.Count;
    }, cancel);

    public override async Task<Outcome<int>> PendingAsync(CancellationToken cancel = default)
    {
        await using var connection = await OpenAsync(_migrate, cancel);
        var missing = SchemaFiles.Missing(SchemaFiles.Of(Model, Dialect), await PostgresSchema.AppliedAsync(connection, cancel));
        return missing.Failed(out var fault) ? fault : missing.Value.Count;
    }

    public override async Task<Outcome<TransferReport>> ExportAsync(Stream target, string crewVersion, CancellationToken cancel = default)
    {
        try
        {
            await using var connection = await OpenAsync(_migrate, cancel);
            return await new PostgresExport(connection, _roles, Model).RunAsync(target, crewVersion, Clock.GetUtcNow(), cancel);
        }
        catch (NpgsqlException error) when (PostgresErrors.IsUnavailable(error))
        {
            throw new StorageUnavailableException("PostgreSQL could not be read.", error);
        }
    }

    public override async Task<Outcome<TransferReport>> ImportAsync(Stream source, Func<Db, Task<Fault?>> check, CancellationToken cancel = default)
    {
        await using var connection = await OpenAsync(_migrate, cancel);
        using var reader = new TransferReader(source);
        return await new PostgresRestore(connection, _roles, Model, Clock).RunAsync(reader, async transaction =>
        {
            await using var db = new Db(OptionsFor(connection), Model, null, SystemJob.Transfer);
            await db.Database.UseTransactionAsync(transaction, cancel);
            return await check(db);
        }, cancel);
    }

    public override async Task<IReadOnlyList<StoreFinding>> ExamineAsync(CancellationToken cancel = default)
    {
        await using var connection = await OpenAsync(_migrate, cancel);
        return
        [
            .. await PostgresExamination.RunAsync(connection, _roles, Clock, cancel),
            .. await PostgresUpkeepExamination.RunAsync(connection, _roles.System, Clock.GetUtcNow(), cancel),
            await PostgresExamination.RoomAsync(connection, cancel),
        ];
    }

    public override async Task<Outcome<bool>> StartAsync(CancellationToken cancel = default)
    {
        _committer.Start();
        await Feed.StartAsync(cancel);
        _poll = Task.Run(() => FeedPoll.RunAsync(Feed, _options.FeedPollMilliseconds, Clock, _stopping.Token), CancellationToken.None);
        return true;
    }

    public override async Task<IAsyncDisposable> JoinAsync(CancellationToken cancel = default)
    {
        var loops = new PostgresNodeLoops(_connectionString, _nodes, Feed, Node, _options.FeedPollMilliseconds, Clock);
        return await Starting.RunAsync<IAsyncDisposable>(async () =>
        {
            await loops.StartAsync(cancel);
            return loops;
        }, cancel);
    }

    public override async Task<IAsyncDisposable?> TryServeAsync(CancellationToken cancel = default) =>
        await Starting.RunAsync(() => PostgresLock.TryTakeAsync(_connectionString, PostgresLock.Serving, shared: true, ClaimAttempts, cancel), cancel);

    public override async Task<IAsyncDisposable?> TryClaimAsync(CancellationToken cancel = default) =>
        await PostgresLock.TryClaimAsync(_connectionString, ClaimAttempts, cancel);

    public override async Task<IAsyncDisposable> TurnAsync(CancellationToken cancel = default) =>
        await Starting.RunAsync(() => PostgresLock.TakeAsync(_connectionString, PostgresLock.Beginning, cancel), cancel);

    public override async Task<bool> IsReachableAsync(CancellationToken cancel = default)
    {
        try
        {
            await using var connection = await OpenAsync(_app, cancel);
            await using var command = new NpgsqlCommand("SELECT 1", connection);
            await command.ExecuteNonQueryAsync(cancel);
            return true;
        }
        catch (Exception error) when (error is StorageUnavailableException || PostgresErrors.IsUnavailable(error))
        {
            return false;
        }
    }

    public override async ValueTask DisposeAsync()
    {
        await _stopping.CancelAsync();
        await _poll;
        await _committer.StopAsync();
        foreach (var pool in new[] { _app, _append, _system, _follow, _feed, _migrate })
        {
            await pool.DisposeAsync();
        }

        _stopping.Dispose();
    }

    internal override async Task<IReadOnlyList<FeedRow>> ReadFeedAsync(long after, int most, CancellationToken cancel)
    {
        try
        {
            await using var command = _feed.CreateCommand("SELECT version, topic, subject FROM storage_changes WHERE version > $1 ORDER BY version LIMIT $2");
            command.Parameters.AddWithValue(after);
            command.Parameters.AddWithValue(most);
            await using var reader = await command.ExecuteReaderAsync(cancel);
            var rows = new List<FeedRow>();
            while (await reader.ReadAsync(cancel))
            {
                rows.Add(new FeedRow(reader.GetInt64(0), reader.GetString(1), reader.GetString(2)));
            }

            return rows;
        }
        catch (Exception error) when (PostgresErrors.IsUnavailable(error))
        {
            throw new StorageUnavailableException("PostgreSQL could not be read.", error);
        }
    }

    internal override Task<long> ReadVersionAsync(CancellationToken cancel) => Starting.RunAsync(async () =>
    {
        try
        {
            // Asked at a start, which may wait longer than a lease runs.
            await using var command = _system.CreateCommand("SELECT version FROM storage_feed");
            return (long)(await command.ExecuteScalarAsync(cancel))!;
        }
        catch (Exception error) when (PostgresErrors.IsUnavailable(error))
        {
            throw new StorageUnavailableException("PostgreSQL could not be read.", error);
        }
    }, cancel);

    /// <summary>
    /// The other nodes and this one, side by side. With PostgreSQL away the leases run out, this one's too: then nobody acts on what
    /// was before, and the change, which has committed, may answer.
    /// </summary>
    private protected override Task FollowAsync(long version, long committedAt) =>
        Task.WhenAll(_nodes.FenceAsync(version, committedAt), FollowHereAsync(version, committedAt));

    private protected override Db Detached() => new(OptionsFor(_migrate.CreateConnection()), Model, null, SystemJob.Provision);

    private protected override Task<T> ReadCoreAsync<T>(Tenant? tenant, SystemJob? job, Func<Db, Task<T>> work, CancellationToken cancel) =>
        Starting.IsOn ? Starting.RunAsync(() => ReadOnceAsync(tenant, job, work, cancel), cancel) : ReadOnceAsync(tenant, job, work, cancel);

    private async Task<T> ReadOnceAsync<T>(Tenant? tenant, SystemJob? job, Func<Db, Task<T>> work, CancellationToken cancel)
    {
        try
        {
            var pool = job is null ? _app : job.IsFollower ? _follow : _system;
            await using var begun = await PostgresHaste.BeginAsync(pool, IsolationLevel.RepeatableRead, tenant, job, isChange: false, cancel);
            await using var db = new Db(OptionsFor(begun.Connection), Model, tenant, job);
            await db.Database.UseTransactionAsync(begun.Transaction, cancel);
            return await work(db);
        }
        catch (Exception error) when (PostgresErrors.IsUnavailable(error))
        {
            throw new StorageUnavailableException("PostgreSQL could not be read.", error);
        }
    }

    private protected override async Task<Outcome<T>> ChangeCoreAsync<T>(
        Tenant? tenant, SystemJob? job, Func<Db, Task<Outcome<T>>> work, CancellationToken revoked, CancellationToken cancel)
    {
        for (var attempt = 1; ; attempt++)
        {
            try
            {
                return await TryChangeAsync(tenant, job, work, revoked, cancel);
            }
            catch (DbUpdateConcurrencyException)
            {
                return Faults.VersionConflict;
            }
            catch (Exception error) when (PostgresErrors.IsUnique(error))
            {
                return SqliteErrors.Conflict;
            }
            catch (Exception error) when ((PostgresErrors.IsRetryable(error) || ((job is { IsBrief: true } || Starting.IsOn) && PostgresErrors.IsEndedForIdling(error))) && attempt < Attempts)
            {
                await Task.Delay(TimeSpan.FromMilliseconds(5 * attempt), Clock, cancel);
            }
            catch (Exception error) when (error is StorageUnavailableException || PostgresErrors.IsRetryable(error) || PostgresErrors.IsUnavailable(error))
            {
                return Faults.StorageUnavailable;
            }
        }
    }

    private async Task<Outcome<T>> TryChangeAsync<T>(
        Tenant? tenant, SystemJob? job, Func<Db, Task<Outcome<T>>> work, CancellationToken revoked, CancellationToken cancel)
    {
        await using var begun = await Starting.RunAsync(
            () => PostgresHaste.BeginAsync(job is null ? _app : _system, IsolationLevel.ReadCommitted, tenant, job, isChange: true, cancel), cancel);
        var (connection, transaction) = begun;
        await using var db = new Db(OptionsFor(connection), Model, tenant, job);
        await db.Database.UseTransactionAsync(transaction, cancel);
        var outcome = await work(db);
        if (outcome.Fault is not null)
        {
            await transaction.RollbackAsync(cancel);
            return outcome;
        }

        await WriteAppendedAsync(connection, db, cancel);
        await WriteTouchedAsync(connection, db, cancel);
        string? transactionId = null;
        if (tenant is not null)
        {
            // Also a change that finds nothing left to do answers for what it has found: a second revoke waits for the first one's fence.
            (db.FeedVersion, transactionId) = await _guard.FollowAsync(connection, db.Touched.Count, cancel);
            if (revoked.IsCancellationRequested)
            {
                await transaction.RollbackAsync(cancel);
                return Faults.CredentialRevoked;
            }
        }

        CrashPoint.Pass(CrashPoints.PostgresChangeCommitBefore);
        var uncommitted = await CommitAsync(transaction, transactionId, cancel);
        CrashPoint.Pass(CrashPoints.PostgresChangeCommitAfter);
        return uncommitted is null ? outcome : uncommitted;
    }

    /// <summary>Null when it committed. A commit whose answer is lost is looked up, so that what is said is true.</summary>
    private async Task<Fault?> CommitAsync(NpgsqlTransaction transaction, string? transactionId, CancellationToken cancel)
    {
        try
        {
            await transaction.CommitAsync(cancel);
            return null;
        }
        catch (Exception error) when (transactionId is not null && PostgresErrors.IsUnavailable(error))
        {
            return await PostgresOutcome.AskAsync(_feed, transactionId, Clock) switch
            {
                true => null,
                false => Faults.StorageUnavailable,
                null => Faults.OutcomeUnknown,
            };
        }
    }

    private async Task FollowHereAsync(long version, long committedAt)
    {
        const int pause = 50;
        while (Feed.Applied >= 0 && Feed.Applied < version && Clock.GetElapsedTime(committedAt) < TimeSpan.FromMilliseconds(Node.FenceMilliseconds))
        {
            try
            {
                await Feed.CatchUpAsync(CancellationToken.None);
            }
            catch (StorageUnavailableException)
            {
                await Task.Delay(TimeSpan.FromMilliseconds(pause), Clock);
            }
        }
    }

    private static async Task WriteAppendedAsync(NpgsqlConnection connection, Db db, CancellationToken cancel)
    {
        if (db.Appended.Count == 0)
        {
            return;
        }

        await using var batch = new NpgsqlBatch(connection);
        foreach (var group in db.Appended.GroupBy(r => r.Table))
        {
            var columns = new PostgresColumns(group.Key);
            foreach (var row in group)
            {
                columns.Add(row);
            }

            batch.BatchCommands.Add(columns.ToCommand());
        }

        await batch.ExecuteNonQueryAsync(cancel);
    }

    /// <summary>Takes versions under the feed's row lock, as the last writes: so they are in commit order, and nobody's come between question and commit.</summary>
    private async Task WriteTouchedAsync(NpgsqlConnection connection, Db db, CancellationToken cancel)
    {
        if (db.Touched.Count == 0)
        {
            return;
        }

        // From here on every other change waits for this one.
        await using var batch = new NpgsqlBatch(connection);
        batch.BatchCommands.Add(PostgresHaste.Now());
        var command = new NpgsqlBatchCommand($"""
            WITH feed AS (UPDATE storage_feed SET version = version + cardinality($1) RETURNING version),
            rows AS (
              INSERT INTO storage_changes (version, topic, subject, at)
              SELECT feed.version - cardinality($1) + t.n, t.topic, t.subject, $3 FROM feed, unnest($1, $2) WITH ORDINALITY AS t(topic, subject, n))
            SELECT version, pg_notify('{PostgresNodeLoops.Channel}', '') FROM feed
            """);
        command.Parameters.AddWithValue(db.Touched.Select(t => t.Topic).ToArray());
        command.Parameters.AddWithValue(db.Touched.Select(t => t.Subject).ToArray());
        command.Parameters.AddWithValue(Clock.GetUtcNow().ToUnixTimeMilliseconds());
        batch.BatchCommands.Add(command);
        db.FeedVersion = (long)(await batch.ExecuteScalarAsync(cancel))!;
    }

    internal static async Task<NpgsqlConnection> OpenAsync(NpgsqlDataSource pool, CancellationToken cancel)
    {
        try
        {
            return await pool.OpenConnectionAsync(cancel);
        }
        catch (Exception error) when (PostgresErrors.IsUnavailable(error) || PostgresErrors.IsTurnedAway(error))
        {
            throw new StorageUnavailableException("PostgreSQL cannot be reached.", error);
        }
    }

    private static DbContextOptions<Db> OptionsFor(NpgsqlConnection connection) =>
        new DbContextOptionsBuilder<Db>().UseNpgsql(connection).ReplaceService<IModelCacheKeyFactory, StorageModel.CacheKeyFactory>().Options;
}
