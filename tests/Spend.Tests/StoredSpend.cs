using System.Collections.Concurrent;
using Crew.Kernel;
using Crew.Spend.Contracts;
using Crew.Storage;
using Crew.Testing;
using Microsoft.EntityFrameworkCore;

namespace Crew.Spend.Tests;

/// <summary>The module over a real database, without HTTP. One place for both databases.</summary>
internal sealed class StoredSpend : IAsyncDisposable
{
    private readonly string? _folder;
    private readonly string? _connection;
    private readonly CancellationTokenSource _stop = new();
    private readonly List<Task> _desks = [];
    private readonly ConcurrentBag<LedgerKeeper> _keepers = [];
    private readonly ConcurrentBag<LedgerKeeper> _deaf = [];

    private StoredSpend(string? folder, string? connection, TimeProvider clock)
    {
        (_folder, _connection, Clock) = (folder, connection, clock);
        var options = new StoreOptions { DataFolder = folder ?? Path.GetTempPath(), PostgresConnectionString = connection };
        Store = Store.Open(options, new StorageModel(SpendModule.Part), [Events], clock);
        Store.Feed.Follow(LeaseAppend.RecallTopic, (ids, cancel) => Task.WhenAll(_keepers.Except(_deaf).Select(k => k.RecallAsync(ids, cancel))));
        Check = new LedgerCheck(Store);
        Operator = new OperatorBudgets(Store, new SpendOptions(), clock);
    }

    public TimeProvider Clock { get; }

    /// <summary>Of the database's owner; null on SQLite.</summary>
    public string? Connection => _connection;

    public Store Store { get; }

    public LedgerCheck Check { get; }

    public OperatorBudgets Operator { get; }

    public HeardEvents Events { get; } = new();

    public static async Task<StoredSpend> OpenAsync(string dialect, TimeProvider? clock = null)
    {
        Assert.SkipUnless(dialect == "sqlite" || PostgresServer.IsAvailable, "There is no PostgreSQL here.");
        var spend = dialect == "sqlite"
            ? new StoredSpend(Directory.CreateTempSubdirectory("crew-spend-").FullName, null, clock ?? TimeProvider.System)
            : new StoredSpend(null, await (await PostgresServer.SharedAsync()).CreateDatabaseAsync(), clock ?? TimeProvider.System);
        (await spend.Store.MigrateAsync()).Fault.ShouldBeNull();
        (await spend.Store.StartAsync()).Fault.ShouldBeNull();
        return spend;
    }

    /// <summary>A process: its own memory over the shared database.</summary>
    public async Task<Process> StartAsync()
    {
        var leases = new LeaseStore(Store, Clock);
        var desk = LedgerKeeper.Desk(leases, new SpendOptions(), Clock);
        var ledger = new Ledger(desk, new SpendOptions(), Clock);
        var keeper = new LedgerKeeper(Store, ledger, leases, new SpendOptions(), Clock);
        (await keeper.OpenAsync(default)).Fault.ShouldBeNull();
        var process = new Process(ledger, keeper, this);
        _keepers.Add(keeper);
        _desks.Add(process.RunAsync(_stop.Token));
        if (Clock == TimeProvider.System)
        {
            _desks.Add(RenewAsync(keeper));
        }

        return process;
    }

    public async Task<string> AddAsync(BudgetSubject subject, long amount, BudgetWindow window = BudgetWindow.Month, string mode = "strict")
    {
        var added = await Store.ChangeAsync<string>(new Tenant(Given.Organization, Given.Workspace), Origin.System, db =>
        {
            var budget = CreateBudget.Add(db, Given.Organization, subject, new BudgetDraft(new NanoUsd(amount), window, mode, false), Clock);
            return Task.FromResult<Outcome<string>>(budget.Id);
        });
        return added.Value;
    }

    public Task<List<Lease>> LeasesAsync() =>
        Store.ReadAsync(SystemJob.SpendLeases, db => db.Set<Lease>().AsNoTracking().OrderBy(l => l.Epoch).ThenBy(l => l.Id).ToListAsync());

    public async Task FlushAsync(AppendWork work) => (await Store.Committer.AppendAsync(work)).ShouldBeTrue();

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await Task.WhenAll(_desks);
        await Store.DisposeAsync();
        if (_folder is not null)
        {
            Directory.Delete(_folder, recursive: true);
        }

        if (_connection is not null)
        {
            await (await PostgresServer.SharedAsync()).DropDatabaseAsync(_connection);
        }
    }

    private async Task RenewAsync(LedgerKeeper keeper)
    {
        try
        {
            while (true)
            {
                await Task.Delay(TimeSpan.FromSeconds(1), _stop.Token);
                await keeper.RenewAsync(_stop.Token);
            }
        }
        catch (OperationCanceledException)
        {
            // The test is over.
        }
    }

    internal sealed class Process(Ledger ledger, LedgerKeeper keeper, StoredSpend spend)
    {
        public Ledger Ledger { get; } = ledger;

        private readonly CancellationTokenSource _halt = new();

        public LedgerKeeper Keeper { get; } = keeper;

        public async Task RunAsync(CancellationToken stop)
        {
            using var either = CancellationTokenSource.CreateLinkedTokenSource(stop, _halt.Token);
            await Ledger.Desk.RunAsync(either.Token);
        }

        /// <summary>Writes and hears nothing more: killed, or stopped until somebody drains its desk.</summary>
        public void Halt()
        {
            spend._deaf.Add(Keeper);
            _halt.Cancel();
        }

        public Task<Outcome<Hold>> HoldAsync(Caller caller, long amount, string? crew = null) => Ledger
            .HoldAsync(Ledger.ScopeOf(caller, crew, Given.Workspace), new HoldRequest(new NanoUsd(amount), NanoUsd.Zero, 0, true), default).AsTask();

        public async Task SettleAsync(Hold hold, long cost, string? requestId = null)
        {
            var work = new AppendWork();
            hold.Settle(Given.Attempt(cost, spend.Clock, requestId ?? Id.New(IdPrefix.Request, spend.Clock)), work);
            await spend.FlushAsync(work);
        }
    }

    internal sealed class HeardEvents : IEventSink
    {
        private readonly Lock _lock = new();
        private readonly List<Event> _heard = [];

        public IReadOnlyList<Event> Heard
        {
            get
            {
                lock (_lock)
                {
                    return [.. _heard];
                }
            }
        }

        public void Write(Db db, Origin origin, IReadOnlyList<Event> events)
        {
            lock (_lock)
            {
                _heard.AddRange(events);
            }
        }
    }
}
