using Crew.Kernel;
using Microsoft.Data.Sqlite;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Infrastructure;
using SQLitePCL;

namespace Crew.Storage;

/// <summary>SQLite inside the process: many readers on WAL snapshots, one writer (<see cref="SqliteCommitter"/>).</summary>
internal sealed class SqliteStore : Store
{
    private static readonly string[] Files = ["", "-wal", "-shm", "-journal"];
    private readonly StoreOptions _options;
    private readonly SqliteCommitter _committer;
    private readonly CancellationTokenSource _stopping = new();
    private Task _poll = Task.CompletedTask;
    private FollowedMark? _mark;

    /// <summary>
    /// No connection is used by two threads at once, so SQLite need not lock each of its calls
    /// (https://sqlite.org/threadsafe.html, multi-thread mode). The setting counts until the first connection is opened.
    /// </summary>
    static SqliteStore()
    {
        Batteries_V2.Init();
        _ = raw.sqlite3_config(raw.SQLITE_CONFIG_MULTITHREAD);
    }

    public SqliteStore(StoreOptions options, StorageModel model, IEnumerable<IEventSink> sinks, TimeProvider clock)
        : base(model, sinks, clock)
    {
        _options = options;
        _committer = new SqliteCommitter(options, OpenConnection, clock);
        Disk = new DiskReserve(options, ReusableBytes);
    }

    public override Committer Committer => _committer;

    public override DiskReserve Disk { get; }

    public override string Dialect => "sqlite";

    public override async Task<bool> ExistsAsync(CancellationToken cancel = default)
    {
        if (!File.Exists(_options.SqliteFile))
        {
            return false;
        }

        using var connection = OpenConnection();
        using var command = connection.CreateCommand();
        command.CommandText = "SELECT count(*) FROM sqlite_master WHERE name = 'storage_schema'";
        return (long)(await command.ExecuteScalarAsync(cancel))! > 0;
    }

    public override Task<Outcome<int>> MigrateAsync(CancellationToken cancel = default)
    {
        Directory.CreateDirectory(_options.DataFolder);
        if (!OperatingSystem.IsWindows())
        {
            File.SetUnixFileMode(_options.DataFolder, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        }

        Disk.ReleaseIfFull();
        using var connection = OpenConnection();
        Execute(connection, "PRAGMA journal_mode=WAL");
        Execute(connection, "BEGIN EXCLUSIVE");
        Execute(connection, SchemaFiles.AppliedTable);
        var missing = SchemaFiles.Missing(SchemaFiles.Of(Model, Dialect), SqliteSchema.Applied(connection));
        if (missing.Failed(out var fault))
        {
            Execute(connection, "ROLLBACK");
            return Task.FromResult<Outcome<int>>(fault);
        }

        SqliteSchema.Apply(connection, missing.Value, Clock);
        Execute(connection, "COMMIT");
        CrashPoint.Pass(CrashPoints.SqliteSchemaCommitAfter);
        return Task.FromResult<Outcome<int>>(missing.Value.Count);
    }

    public override Task<Outcome<int>> PendingAsync(CancellationToken cancel = default)
    {
        using var connection = OpenConnection();
        var missing = SchemaFiles.Missing(SchemaFiles.Of(Model, Dialect), SqliteSchema.Applied(connection));
        return Task.FromResult<Outcome<int>>(missing.Failed(out var fault) ? fault : missing.Value.Count);
    }

    public override async Task<Outcome<TransferReport>> ExportAsync(Stream target, string crewVersion, CancellationToken cancel = default)
    {
        try
        {
            using var connection = OpenConnection();
            Execute(connection, "BEGIN DEFERRED");
            try
            {
                return await new SqliteExport(connection, Model).RunAsync(target, crewVersion, Clock.GetUtcNow(), cancel);
            }
            finally
            {
                Execute(connection, "ROLLBACK");
            }
        }
        catch (SqliteException error) when (SqliteErrors.IsUnavailable(error))
        {
            throw new StorageUnavailableException("The SQLite database could not be read.", error);
        }
    }

    public override async Task<Outcome<TransferReport>> ImportAsync(Stream source, Func<Db, Task<Fault?>> check, CancellationToken cancel = default)
    {
        // A write-ahead log without its database would be played into the new one.
        if (Files.Any(end => File.Exists(_options.SqliteFile + end)))
        {
            return TransferFaults.NotEmpty;
        }

        Directory.CreateDirectory(_options.DataFolder);
        using var reader = new TransferReader(source);
        return await new SqliteRestore(_options.SqliteFile, Model, Clock).RunAsync(reader, async connection =>
        {
            await using var db = new Db(OptionsFor(connection), Model, null, SystemJob.Transfer);
            return await check(db);
        }, cancel);
    }

    public override Task<IReadOnlyList<StoreFinding>> ExamineAsync(CancellationToken cancel = default)
    {
        using var connection = OpenConnection();
        return Task.FromResult(SqliteExamination.Run(connection, _options.DataFolder, Clock.GetUtcNow()));
    }

    public override async Task<Outcome<bool>> StartAsync(CancellationToken cancel = default)
    {
        _committer.Start();
        await Feed.StartAsync(cancel);
        _poll = Task.Run(() => FeedPoll.RunAsync(Feed, _options.FeedPollMilliseconds, Clock, _stopping.Token), CancellationToken.None);
        return true;
    }

    public override async Task<IAsyncDisposable?> TryServeAsync(CancellationToken cancel = default)
    {
        if (await TryClaimAsync(cancel) is not { } claim)
        {
            return null;
        }

        _mark = FollowedMark.Open(_options.DataFolder, claim);
        _mark.Move(Feed.Applied);
        Feed.Followed = _mark.Move;
        return _mark;
    }

    /// <summary>The one server of the data folder claims it before it begins anything.</summary>
    public override Task<IAsyncDisposable> TurnAsync(CancellationToken cancel = default) => Task.FromResult<IAsyncDisposable>(Stream.Null);

    public override Task<IAsyncDisposable?> TryClaimAsync(CancellationToken cancel = default)
    {
        Directory.CreateDirectory(_options.DataFolder);
        try
        {
            return Task.FromResult<IAsyncDisposable?>(
                new FileStream(Path.Combine(_options.DataFolder, "crew.lock"), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None));
        }
        catch (IOException)
        {
            return Task.FromResult<IAsyncDisposable?>(null);
        }
    }

    /// <summary>Nobody else serves the data folder, so nothing has to be leased.</summary>
    public override Task<IAsyncDisposable> JoinAsync(CancellationToken cancel = default) => Task.FromResult<IAsyncDisposable>(Stream.Null);

    public override Task<bool> IsReachableAsync(CancellationToken cancel = default) => _committer.IsWritableAsync(cancel);

    public override async ValueTask DisposeAsync()
    {
        await _stopping.CancelAsync();
        await _poll;
        _committer.Stop();
        _stopping.Dispose();
        SqliteConnection.ClearAllPools();
    }

    private protected override async Task FollowAsync(long version, long committedAt)
    {
        await base.FollowAsync(version, committedAt);
        if (_mark is null)
        {
            await FollowedMark.WaitAsync(_options.DataFolder, await ReadVersionAsync(CancellationToken.None));
        }
    }

    internal override async Task<IReadOnlyList<FeedRow>> ReadFeedAsync(long after, int most, CancellationToken cancel) =>
        await ReadAsync(SystemJob.HotState, db => db.Database.SqlQueryRaw<FeedRow>(
            "SELECT version AS \"Version\", topic AS \"Topic\", subject AS \"Subject\" FROM storage_changes WHERE version > {0} ORDER BY version LIMIT {1}", after, most)
            .ToListAsync(cancel), cancel);

    internal override Task<long> ReadVersionAsync(CancellationToken cancel) => ReadAsync(SystemJob.HotState,
        async db => (await db.Database.SqlQueryRaw<long>("SELECT version AS \"Value\" FROM storage_feed").ToListAsync(cancel)).Single(), cancel);

    private protected override Db Detached() =>
        new(OptionsFor(new SqliteConnection("Data Source=:memory:")), Model, null, SystemJob.Provision);

    private protected override async Task<T> ReadCoreAsync<T>(Tenant? tenant, SystemJob? job, Func<Db, Task<T>> work, CancellationToken cancel)
    {
        cancel.ThrowIfCancellationRequested();
        try
        {
            using var connection = OpenConnection();
            await using var db = new Db(OptionsFor(connection), Model, tenant, job);
            Execute(connection, "BEGIN DEFERRED");
            try
            {
                return await work(db);
            }
            finally
            {
                Execute(connection, "ROLLBACK");
            }
        }
        catch (SqliteException error) when (SqliteErrors.IsUnavailable(error))
        {
            throw new StorageUnavailableException("The SQLite database could not be read.", error);
        }
    }

    private protected override Task<Outcome<T>> ChangeCoreAsync<T>(
        Tenant? tenant, SystemJob? job, Func<Db, Task<Outcome<T>>> work, CancellationToken revoked, CancellationToken cancel) =>
        _committer.ChangeAsync(connection => new Db(OptionsFor(connection), Model, tenant, job), work);

    /// <summary>Free pages of the database file; rows that come take them before the file grows.</summary>
    private long ReusableBytes()
    {
        try
        {
            using var connection = OpenConnection();
            using var command = connection.CreateCommand();
            command.CommandText = "SELECT freelist_count * page_size FROM pragma_freelist_count(), pragma_page_size()";
            return (long)command.ExecuteScalar()!;
        }
        catch (SqliteException error)
        {
            throw new StorageUnavailableException("The SQLite database could not be read.", error);
        }
    }

    private static DbContextOptions<Db> OptionsFor(SqliteConnection connection) =>
        new DbContextOptionsBuilder<Db>().UseSqlite(connection).ReplaceService<IModelCacheKeyFactory, StorageModel.CacheKeyFactory>().Options;

    private SqliteConnection OpenConnection()
    {
        var connection = new SqliteConnection(new SqliteConnectionStringBuilder
        {
            DataSource = _options.SqliteFile,
            Pooling = true,
            DefaultTimeout = Math.Max(1, _options.BusyTimeoutMilliseconds / 1_000),
        }.ToString());
        connection.Open();
        Execute(connection, $"PRAGMA busy_timeout={_options.BusyTimeoutMilliseconds}; PRAGMA foreign_keys=ON; PRAGMA synchronous=FULL; PRAGMA temp_store=MEMORY");
        return connection;
    }

    private static void Execute(SqliteConnection connection, string sql)
    {
        using var command = connection.CreateCommand();
        command.CommandText = sql;
        command.ExecuteNonQuery();
    }
}
