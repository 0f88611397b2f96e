using Crew.Kernel;
using Crew.Spend.Contracts;
using Crew.Storage;

namespace Crew.Spend.Tests;

public sealed class ConcurrencyTests
{
    private readonly LeaseBank _bank = new();
    private readonly Node _node;

    public ConcurrencyTests() => _node = new Node(_bank, TimeProvider.System, 1);

    private async Task<Outcome<Hold>[]> HoldAtOnce(int count, long amount)
    {
        using var stop = new CancellationTokenSource();
        var desk = _node.Desk.RunAsync(stop.Token);
        var scope = _node.Ledger.ScopeOf(Given.Key("key_1", "user_1"), "crew_1", Given.Workspace);
        var request = new HoldRequest(new NanoUsd(amount), NanoUsd.Zero, 0, true);
        var outcomes = await Task.WhenAll(Enumerable.Range(0, count)
            .Select(_ => Task.Run(() => _node.Ledger.HoldAsync(scope, request, CancellationToken.None).AsTask())));
        await stop.CancelAsync();
        await desk;
        return outcomes;
    }

    [Theory]
    [InlineData(1)]
    [InlineData(37)]
    [InlineData(999)]
    [InlineData(1_000)]
    public async Task Of_a_thousand_concurrent_holds_exactly_as_many_pass_as_fit(int fitting)
    {
        const long amount = 1_000_003;
        _node.Put(Given.Budget("org", BudgetSubject.Organization(Given.Organization), long.MaxValue / 4));
        _node.Put(Given.Budget("ws", BudgetSubject.Workspace(Given.Workspace), amount * 5_000));
        _node.Put(Given.Budget("crew", BudgetSubject.Crew(Given.Workspace, "crew_1"), amount * 1_001));
        _node.Put(Given.Budget("key", BudgetSubject.Key(Given.Workspace, "key_1"), (amount * fitting) + amount - 1, BudgetWindow.Total));
        var outcomes = await HoldAtOnce(1_000, amount);
        outcomes.Count(o => o.Fault is null).ShouldBe(fitting);
        outcomes.Where(o => o.Fault is not null).ShouldAllBe(o => o.Fault!.Code == "insufficient_quota");
        foreach (var outcome in outcomes.Where(o => o.Fault is null))
        {
            _node.Settle(outcome.Value, amount);
        }

        _bank.Rows.Values.ShouldAllBe(r => r.Settled == amount * fitting);
        _bank.CheckCountersAgainstLedger();
    }

    [Fact]
    public async Task A_budget_fills_one_after_the_other_when_requests_cost_less_than_they_hold()
    {
        _node.Put(Given.Budget("b", BudgetSubject.Workspace(Given.Workspace), 10_000));
        var scope = _node.Ledger.ScopeOf(Given.Key(), null, Given.Workspace);
        var settled = 0L;
        while (true)
        {
            var outcome = await _node.HoldAsync(scope, 977);
            if (outcome.Fault is not null)
            {
                break;
            }

            _node.Settle(outcome.Value, 313);
            settled += 313;
        }

        settled.ShouldBe(9_077, "as long as 977 fit, one more is admitted");
        (10_000 - settled).ShouldBeLessThan(977);
    }

    [Fact]
    public async Task Two_processes_over_one_database_never_pass_the_cap_together()
    {
        _node.Put(Given.Budget("b", BudgetSubject.Workspace(Given.Workspace), 1_000));
        var node1 = new Node(_bank, TimeProvider.System, 3, isShared: true);
        var other = new Node(_bank, TimeProvider.System, 2, isShared: true);
        var admitted = 0;
        for (var i = 0; i < 400; i++)
        {
            var node = i % 3 == 0 ? other : node1;
            var outcome = await node.HoldAsync(node.Ledger.ScopeOf(Given.Key(), null, Given.Workspace), 7);
            if (outcome.Fault is null)
            {
                admitted++;
                node.Settle(outcome.Value, 7);
            }
        }

        _bank.Rows.Values.Sum(r => r.Settled).ShouldBe(admitted * 7L);
        (admitted * 7L).ShouldBe(142 * 7, "what the other does not use is called back to the last request that fits");
        _bank.CheckCountersAgainstLedger();
    }

    [Fact]
    public async Task Requests_wait_while_the_database_is_away_and_pass_when_it_is_back()
    {
        _node.Put(Given.Budget("b", BudgetSubject.Workspace(Given.Workspace), 100));
        _bank.Failing = 3;
        (await HoldAtOnce(10, 10)).ShouldAllBe(o => o.Fault == null);
    }

    [Fact]
    public async Task Requests_that_wait_too_long_for_the_database_are_told_to_come_back()
    {
        _node.Put(Given.Budget("b", BudgetSubject.Workspace(Given.Workspace), 100));
        _bank.Failing = int.MaxValue;
        var fault = (await HoldAtOnce(3, 10))[0].Fault!;
        fault.ShouldBe(Faults.StorageUnavailable);
        fault.ShouldRetry.ShouldBe(true);
    }

    [Fact]
    public async Task A_waiting_request_can_be_cancelled()
    {
        _node.Put(Given.Budget("b", BudgetSubject.Workspace(Given.Workspace), 100));
        using var cancel = new CancellationTokenSource();
        var scope = _node.Ledger.ScopeOf(Given.Key(), null, Given.Workspace);
        var waiting = _node.Ledger.HoldAsync(scope, new HoldRequest(new NanoUsd(1), NanoUsd.Zero, 0, true), cancel.Token).AsTask();
        waiting.IsCompleted.ShouldBeFalse();
        await cancel.CancelAsync();
        await Should.ThrowAsync<OperationCanceledException>(waiting);
        (await _node.HoldAsync(scope, 100)).Fault.ShouldBeNull();
    }

    [Fact]
    public async Task Leases_are_extended_ahead_of_need_so_that_few_holds_wait()
    {
        using var stop = new CancellationTokenSource();
        var desk = _node.Desk.RunAsync(stop.Token);
        _node.Put(Given.Budget("b", BudgetSubject.Workspace(Given.Workspace), 1_000_000_000));
        var scope = _node.Ledger.ScopeOf(Given.Key(), null, Given.Workspace);
        var waited = 0;
        for (var i = 0; i < 20_000; i++)
        {
            var holding = _node.Ledger.HoldAsync(scope, new HoldRequest(new NanoUsd(1_000), NanoUsd.Zero, 0, true), CancellationToken.None);
            waited += holding.IsCompleted ? 0 : 1;
            (await holding).Value.Settle(Given.Attempt(1_000, TimeProvider.System), new AppendWork());
        }

        await stop.CancelAsync();
        await desk;
        _bank.Writes.ShouldBeLessThan(1_000);
        waited.ShouldBeLessThan(200);
    }
}
