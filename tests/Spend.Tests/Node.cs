using Crew.Kernel;
using Crew.Spend.Contracts;
using Crew.Storage;

namespace Crew.Spend.Tests;

internal sealed class ManualClock(DateTimeOffset start) : TimeProvider
{
    private long _ticks = start.UtcTicks;

    public override long TimestampFrequency => TimeSpan.TicksPerSecond;

    public override DateTimeOffset GetUtcNow() => new(Volatile.Read(ref _ticks), TimeSpan.Zero);

    public override long GetTimestamp() => Volatile.Read(ref _ticks);

    public void Advance(TimeSpan by) => Interlocked.Add(ref _ticks, by.Ticks);

    public void Set(DateTimeOffset at) => Volatile.Write(ref _ticks, at.UtcTicks);
}

/// <summary>The system's clock, which can be moved on.</summary>
internal sealed class LeapingClock : TimeProvider
{
    private long _ticks;

    public override long TimestampFrequency => TimeSpan.TicksPerSecond;

    public override DateTimeOffset GetUtcNow() => System.GetUtcNow().AddTicks(Volatile.Read(ref _ticks));

    public override long GetTimestamp() => System.GetElapsedTime(0).Ticks + Volatile.Read(ref _ticks);

    public void Advance(TimeSpan by) => Interlocked.Add(ref _ticks, by.Ticks);
}

/// <summary>One process over a <see cref="LeaseBank"/>, driven by hand.</summary>
internal sealed class Node
{
    public Node(LeaseBank bank, TimeProvider clock, long epoch, bool isShared = false)
    {
        (Bank, Clock) = (bank, clock);
        Desk = new LeaseDesk(bank.WriteAsync, new SpendOptions(), clock) { IsShared = isShared };
        bank.Begin(epoch, clock.GetUtcNow().ToUnixTimeMilliseconds());
        bank.Nodes.Add(this);
        Ledger = new Ledger(Desk, new SpendOptions(), clock);
        Desk.Open(epoch);
        foreach (var terms in bank.Budgets.Values)
        {
            Ledger.Put(terms);
        }
    }

    public LeaseBank Bank { get; }

    public TimeProvider Clock { get; }

    public LeaseDesk Desk { get; }

    public Ledger Ledger { get; }

    public void Put(BudgetTerms terms)
    {
        Bank.Budgets[terms.Id] = terms;
        Ledger.Put(terms);
    }

    public void Remove(string budgetId)
    {
        Bank.Budgets.Remove(budgetId);
        Ledger.Remove(budgetId);
    }

    /// <summary>Holds, serving the desk's queue until the answer is there.</summary>
    public async Task<Outcome<Hold>> HoldAsync(SpendScope scope, HoldRequest request)
    {
        var holding = Ledger.HoldAsync(scope, request, CancellationToken.None).AsTask();
        while (!holding.IsCompleted)
        {
            await Desk.DrainAsync(CancellationToken.None);
            await Bank.DeliverAsync();
            await Task.WhenAny(holding, Task.Delay(1));
        }

        return await holding;
    }

    public Task<Outcome<Hold>> HoldAsync(SpendScope scope, long amount) =>
        HoldAsync(scope, new HoldRequest(new NanoUsd(amount), NanoUsd.Zero, 0, true));

    /// <summary>Settles and makes it durable.</summary>
    public NanoUsd Settle(Hold hold, long cost, bool flushes = true)
    {
        var work = new AppendWork();
        var excess = hold.Settle(Given.Attempt(cost, Clock), work);
        if (flushes)
        {
            Bank.Flush(work);
        }

        return excess;
    }

    public async Task StopAsync()
    {
        Desk.Shut();
        foreach (var book in Ledger.Books)
        {
            book.Shut();
        }

        while (!await Desk.DrainAsync(CancellationToken.None))
        {
        }
    }
}

/// <summary>Things that tests start from.</summary>
internal static class Given
{
    public const string Organization = "org_1";
    public const string Workspace = "ws_1";

    public static ManualClock Clock() => new(new DateTimeOffset(2026, 11, 4, 12, 0, 0, TimeSpan.Zero));

    public static Caller Key(string lineage = "key_1", string? user = null, params string[] parents) => new()
    {
        Actor = new Actor("api_key", lineage),
        OrganizationId = Organization,
        WorkspaceId = Workspace,
        Permissions = Permissions.All,
        LineageId = lineage,
        UserId = user,
        ParentLineageIds = parents,
    };

    public static BudgetTerms Budget(
        string id, BudgetSubject subject, long amount, BudgetWindow window = BudgetWindow.Month, bool strict = true, bool clamps = false) =>
        new(id, Organization, subject, amount, window, strict, clamps);

    public static Attempt Attempt(long cost, TimeProvider clock, string requestId = "req_1") => new()
    {
        At = clock.GetUtcNow(),
        OrganizationId = Organization,
        WorkspaceId = Workspace,
        RequestId = requestId,
        Number = 1,
        Model = "crew-sandbox-echo",
        Endpoint = "/v1/chat/completions",
        Cost = new NanoUsd(cost),
        Provenance = Provenance.Exact,
        Status = 200,
        Outcome = "success",
    };
}
