using System.Security.Cryptography;
using Crew.Audit;
using Crew.Kernel;
using Crew.Spend;
using Crew.Spend.Contracts;
using Crew.Storage;

namespace Crew.Bench.Nodes;

/// <summary>
/// What one server has of the ledger: its own pools and committer, change feed, leases and engine, over a database that it shares
/// with others.
/// </summary>
internal sealed class LedgerNode : IAsyncDisposable
{
    private const string Organization = "org_1";
    private const string Workspace = "ws_1";
    private static readonly TimeProvider Clock = TimeProvider.System;
    private readonly CancellationTokenSource _stop = new();
    private readonly LedgerKeeper _keeper;
    private Task _running = Task.CompletedTask;

    private LedgerNode(StoreOptions options)
    {
        Store = Store.Open(options, new StorageModel(AuditModule.Part, SpendModule.Part), [], Clock);
        var leases = new LeaseStore(Store, Clock);
        var desk = new LeaseDesk(leases.WriteAsync, new SpendOptions(), Clock)
        {
            IsShared = leases.IsShared,
        };
        Ledger = new Ledger(desk, new SpendOptions(), Clock);
        _keeper = new LedgerKeeper(Store, Ledger, leases, new SpendOptions(), Clock);
        Store.Feed.Follow(LedgerKeeper.FeedTopic, _keeper.ApplyAsync);
        Store.Feed.Follow(LeaseAppend.RecallTopic, _keeper.RecallAsync);
    }

    public Store Store { get; }

    public Ledger Ledger { get; }

    public static async Task<LedgerNode> OpenAsync(StoreOptions options)
    {
        var node = new LedgerNode(options);
        Check((await node.Store.MigrateAsync()).Fault);
        Check((await node.Store.StartAsync()).Fault);
        return node;
    }

    /// <summary>Begins to lease; budgets that were added before are known.</summary>
    public async Task BeginAsync()
    {
        Check((await _keeper.OpenAsync(CancellationToken.None)).Fault);
        _running = Task.WhenAll(Ledger.Desk.RunAsync(_stop.Token), RenewAsync());
    }

    /// <summary>Strict budgets for the organization, the workspace and each key.</summary>
    public async Task AddBudgetsAsync(IReadOnlyList<string> keys, NanoUsd amount)
    {
        IEnumerable<BudgetSubject> subjects =
            [BudgetSubject.Organization(Organization), BudgetSubject.Workspace(Workspace), .. keys.Select(k => BudgetSubject.Key(Workspace, k))];
        foreach (var some in subjects.Chunk(100))
        {
            Check((await AddAsync(some, amount)).Fault);
        }
    }

    /// <summary>A cold start on a busy machine may take longer than a statement may; then it is tried again.</summary>
    private async Task<Outcome<bool>> AddAsync(BudgetSubject[] subjects, NanoUsd amount)
    {
        const int tries = 5;
        for (var attempt = 1; ; attempt++)
        {
            var added = await Store.ChangeAsync<bool>(new Tenant(Organization, Workspace), Origin.System, db =>
            {
                foreach (var subject in subjects)
                {
                    CreateBudget.Add(db, Organization, subject, new BudgetDraft(amount, BudgetWindow.Total, "strict", false), Clock);
                }

                return Task.FromResult<Outcome<bool>>(true);
            });
            if (added.Fault != Faults.StorageUnavailable || attempt == tries)
            {
                return added;
            }
        }
    }

    public SpendScope ScopeOf(string key) => Ledger.ScopeOf(
        new Caller { Actor = new Actor("api_key", key), OrganizationId = Organization, WorkspaceId = Workspace, Permissions = Permissions.All, LineageId = key },
        null, Workspace);

    public ValueTask<Outcome<Hold>> HoldAsync(SpendScope scope) =>
        Ledger.HoldAsync(scope, new HoldRequest(new NanoUsd(10_000), NanoUsd.Zero, 0, true), CancellationToken.None);

    /// <summary>The usage row of a request and, where wanted, the record of the key's use, as a request of the gateway leaves them.</summary>
    public static AppendWork Settle(Hold hold, bool isAudited)
    {
        var now = Clock.GetUtcNow();
        var work = new AppendWork();
        var requestId = Id.New(IdPrefix.Request, now);
        hold.Settle(new Attempt
        {
            At = now,
            OrganizationId = Organization,
            WorkspaceId = Workspace,
            KeyId = "key_1",
            LineageId = "key_1",
            RequestId = requestId,
            Number = 1,
            Model = "crew-sandbox-echo",
            Endpoint = "/v1/chat/completions",
            Tokens = new Tokens(800, 0, 0, 200, 0),
            Cost = new NanoUsd(5_000),
            Provenance = Provenance.Exact,
            Status = 200,
            Outcome = "success",
            TotalMilliseconds = 200,
            SealedClient = RandomNumberGenerator.GetBytes(120),
            IpHash = RandomNumberGenerator.GetBytes(16),
        }, work);
        if (isAudited)
        {
            work.Rows.Add(new AuditRow(new RecordFields
            {
                Id = Id.New(IdPrefix.AuditRecord, now),
                At = now.ToUnixTimeMilliseconds(),
                OrganizationId = Organization,
                WorkspaceId = Workspace,
                EventType = "api_key.used",
                Outcome = "success",
                ActorType = "api_key",
                ActorId = "key_1",
                ActorLast4 = "wxyz",
                RequestId = requestId,
                Status = 200,
                KeyId = "key_1",
                Commitments = RandomNumberGenerator.GetBytes(96),
                Personal = RandomNumberGenerator.GetBytes(160),
            }));
        }

        return work;
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _running;
        await Store.DisposeAsync();
        _stop.Dispose();
    }

    private static void Check(Fault? fault)
    {
        if (fault is not null)
        {
            throw new InvalidOperationException($"{fault.Code}: {fault.Message}");
        }
    }

    private async Task RenewAsync()
    {
        using var timer = new PeriodicTimer(TimeSpan.FromSeconds(1), Clock);
        try
        {
            while (await timer.WaitForNextTickAsync(_stop.Token))
            {
                await _keeper.RenewAsync(_stop.Token);
            }
        }
        catch (OperationCanceledException)
        {
            // Stopping.
        }
    }
}
