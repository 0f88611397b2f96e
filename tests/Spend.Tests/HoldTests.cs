using Crew.Kernel;
using Crew.Spend.Contracts;
using Crew.Storage;

namespace Crew.Spend.Tests;

public sealed class HoldTests
{
    private readonly ManualClock _clock = Given.Clock();
    private readonly LeaseBank _bank = new();
    private readonly Node _node;

    public HoldTests() => _node = new Node(_bank, _clock, 1);

    [Fact]
    public async Task A_scope_without_budgets_is_not_capped_and_still_gives_a_hold()
    {
        var scope = _node.Ledger.ScopeOf(Given.Key(), null, Given.Workspace);
        _node.Ledger.IsCapped(scope).ShouldBeFalse();
        var hold = (await _node.HoldAsync(scope, 5)).Value;
        hold.IsStrict.ShouldBeFalse();
        _node.Settle(hold, 5).ShouldBe(NanoUsd.Zero);
    }

    [Fact]
    public void A_tracking_budget_caps_too_and_makes_nothing_strict()
    {
        _node.Put(Given.Budget("b", BudgetSubject.Workspace(Given.Workspace), 10, strict: false));
        var scope = _node.Ledger.ScopeOf(Given.Key(), null, Given.Workspace);
        _node.Ledger.IsCapped(scope).ShouldBeTrue();
        _node.Ledger.IsStrict(scope).ShouldBeFalse();
    }

    [Fact]
    public async Task An_absurd_cost_ends_its_hold_on_every_level_and_blocks()
    {
        _node.Put(Given.Budget("outer", BudgetSubject.Workspace(Given.Workspace), 10, strict: false));
        _node.Put(Given.Budget("inner", BudgetSubject.Key(Given.Workspace, "key_1"), 100));
        var scope = _node.Ledger.ScopeOf(Given.Key(), null, Given.Workspace);
        var (first, second) = ((await _node.HoldAsync(scope, 5)).Value, (await _node.HoldAsync(scope, 5)).Value);
        _node.Settle(first, long.MaxValue - 1, flushes: false);
        _node.Settle(second, long.MaxValue - 1, flushes: false);
        var book = _node.Ledger.BookOf(Given.Organization);
        book.StateOf("outer")!.Held.ShouldBe(0);
        book.StateOf("inner")!.Held.ShouldBe(0);
        (await _node.HoldAsync(scope, 1)).Fault!.Details!["budget_id"].ShouldBe("inner");
    }

    [Fact]
    public void The_scope_of_a_caller_and_crew_is_made_once()
    {
        var caller = Given.Key();
        _node.Ledger.ScopeOf(caller, "crew_1", Given.Workspace).ShouldBeSameAs(_node.Ledger.ScopeOf(caller, "crew_1", Given.Workspace));
        _node.Ledger.ScopeOf(caller, null, Given.Workspace).ShouldNotBeSameAs(_node.Ledger.ScopeOf(caller, "crew_1", Given.Workspace));
    }

    [Fact]
    public async Task An_account_master_spends_from_the_workspace_that_it_chose_and_from_its_own_budget()
    {
        _node.Put(Given.Budget("own", BudgetSubject.Key(Given.Workspace, "key_1"), 100));
        _node.Put(Given.Budget("home", BudgetSubject.Workspace(Given.Workspace), 10));
        _node.Put(Given.Budget("chosen", BudgetSubject.Workspace("ws_2"), 50));
        var scope = _node.Ledger.ScopeOf(Given.Key(), null, "ws_2");
        (await _node.HoldAsync(scope, 51)).Fault!.Details!["budget_id"].ShouldBe("chosen");
        (await _node.HoldAsync(scope, 50)).Fault.ShouldBeNull();
        _node.Ledger.BookOf(Given.Organization).StateOf("own")!.Held.ShouldBe(50);
    }

    [Fact]
    public async Task A_budget_that_appears_changes_or_goes_counts_at_once()
    {
        var scope = _node.Ledger.ScopeOf(Given.Key(), null, Given.Workspace);
        var terms = Given.Budget("b", BudgetSubject.Key(Given.Workspace, "key_1"), 10);
        _node.Put(terms);
        (await _node.HoldAsync(scope, 11)).Fault!.Code.ShouldBe("insufficient_quota");
        _node.Put(terms with { AmountNano = 11 });
        var hold = (await _node.HoldAsync(scope, 11)).Value;
        _node.Put(terms with { AmountNano = 20 });
        (await _node.HoldAsync(scope, 10)).Fault.ShouldNotBeNull();
        _node.Put(terms with { AmountNano = 12 });
        hold.Release();
        (await _node.HoldAsync(scope, 13)).Fault.ShouldNotBeNull();
        (await _node.HoldAsync(scope, 12)).Value.Release();
        _node.Remove("b");
        (await _node.HoldAsync(scope, 1_000)).Fault.ShouldBeNull();
    }

    [Fact]
    public async Task A_hold_is_all_or_nothing_over_every_level()
    {
        var parent = Given.Budget("parent", BudgetSubject.Key(Given.Workspace, "key_0"), 100);
        _node.Put(Given.Budget("org", BudgetSubject.Organization(Given.Organization), 1_000));
        _node.Put(Given.Budget("ws", BudgetSubject.Workspace(Given.Workspace), 900));
        _node.Put(Given.Budget("crew", BudgetSubject.Crew(Given.Workspace, "crew_1"), 800));
        _node.Put(Given.Budget("person", BudgetSubject.Person(Given.Workspace, "user_1"), 700));
        _node.Put(parent);
        _node.Put(Given.Budget("key", BudgetSubject.Key(Given.Workspace, "key_1"), 500));
        var scope = _node.Ledger.ScopeOf(Given.Key("key_1", "user_1", "key_0"), "crew_1", Given.Workspace);
        var refused = (await _node.HoldAsync(scope, 101)).Fault!;
        refused.Details!["budget_id"].ShouldBe("parent");
        foreach (var id in _bank.Budgets.Keys)
        {
            _node.Ledger.BookOf(Given.Organization).StateOf(id)!.Held.ShouldBe(0, id);
        }

        using var hold = (await _node.HoldAsync(scope, 100)).Value;
        foreach (var id in _bank.Budgets.Keys)
        {
            _node.Ledger.BookOf(Given.Organization).StateOf(id)!.Held.ShouldBe(100, id);
        }
    }

    [Fact]
    public async Task Spend_of_other_crews_people_and_keys_does_not_count()
    {
        _node.Put(Given.Budget("crew", BudgetSubject.Crew(Given.Workspace, "crew_1"), 10));
        _node.Put(Given.Budget("person", BudgetSubject.Person(Given.Workspace, "user_1"), 10));
        _node.Put(Given.Budget("elsewhere", BudgetSubject.Person("ws_2", "user_2"), 10));
        _node.Put(Given.Budget("key", BudgetSubject.Key(Given.Workspace, "key_1"), 10));
        var scope = _node.Ledger.ScopeOf(Given.Key("key_2", "user_2"), "crew_2", Given.Workspace);
        _node.Ledger.IsCapped(scope).ShouldBeFalse();
        (await _node.HoldAsync(scope, 11)).Fault.ShouldBeNull();
    }

    [Fact]
    public async Task A_cost_without_a_bound_is_refused_under_a_strict_chain_only()
    {
        var request = new HoldRequest(new NanoUsd(1), NanoUsd.Zero, 0, costIsBounded: false);
        _node.Put(Given.Budget("tracking", BudgetSubject.Workspace(Given.Workspace), 1_000, strict: false));
        var scope = _node.Ledger.ScopeOf(Given.Key(), null, Given.Workspace);
        (await _node.HoldAsync(scope, request)).Fault.ShouldBeNull();
        _node.Put(Given.Budget("strict", BudgetSubject.Organization(Given.Organization), 1_000));
        (await _node.HoldAsync(scope, request)).Fault!.Code.ShouldBe("cost_not_boundable");
    }

    [Fact]
    public async Task Tracking_admits_whatever_it_costs_and_carries_the_debt()
    {
        _node.Put(Given.Budget("b", BudgetSubject.Workspace(Given.Workspace), 10, strict: false));
        var scope = _node.Ledger.ScopeOf(Given.Key(), null, Given.Workspace);
        for (var i = 0; i < 3; i++)
        {
            _node.Settle((await _node.HoldAsync(scope, 8)).Value, 9);
        }

        _node.Ledger.BookOf(Given.Organization).StateOf("b")!.Settled.ShouldBe(27);
        _bank.Rows.Values.Single().Settled.ShouldBe(27);
        _bank.CheckCountersAgainstLedger();
    }

    [Fact]
    public async Task A_budget_that_turns_strict_counts_what_it_tracked()
    {
        var tracking = Given.Budget("b", BudgetSubject.Workspace(Given.Workspace), 10, strict: false);
        _node.Put(tracking);
        var scope = _node.Ledger.ScopeOf(Given.Key(), null, Given.Workspace);
        _node.Settle((await _node.HoldAsync(scope, 6)).Value, 6);
        _node.Put(tracking with { IsStrict = true });
        (await _node.HoldAsync(scope, 5)).Fault.ShouldNotBeNull();
        (await _node.HoldAsync(scope, 4)).Fault.ShouldBeNull();
    }

    [Fact]
    public async Task Cost_above_the_hold_becomes_debt_that_blocks_and_is_announced_once()
    {
        _node.Put(Given.Budget("b", BudgetSubject.Workspace(Given.Workspace), 100));
        var scope = _node.Ledger.ScopeOf(Given.Key(), null, Given.Workspace);
        var hold = (await _node.HoldAsync(scope, 90)).Value;
        _node.Settle(hold, 130).ShouldBe(new NanoUsd(40));
        (await _node.HoldAsync(scope, 1)).Fault!.Code.ShouldBe("insufficient_quota");
        var book = _node.Desk.TakeBreached().Single();
        book.TakeBreaches().Single().Excess.ShouldBe(40);
        book.TakeBreaches().ShouldBeEmpty();
        _node.Desk.TakeBreached().ShouldBeEmpty();
        _node.Put(Given.Budget("b", BudgetSubject.Workspace(Given.Workspace), 150));
        (await _node.HoldAsync(scope, 21)).Fault.ShouldNotBeNull();
        (await _node.HoldAsync(scope, 20)).Fault.ShouldBeNull();
    }

    [Fact]
    public async Task A_hold_ends_exactly_once()
    {
        _node.Put(Given.Budget("b", BudgetSubject.Workspace(Given.Workspace), 100));
        var scope = _node.Ledger.ScopeOf(Given.Key(), null, Given.Workspace);
        var hold = (await _node.HoldAsync(scope, 60)).Value;
        _node.Settle(hold, 50);
        hold.Release();
        hold.Dispose();
        Should.Throw<InvalidOperationException>(() => hold.Settle(Given.Attempt(1, _clock), new AppendWork()));
        _node.Ledger.BookOf(Given.Organization).StateOf("b").ShouldBe(
            new AllowanceState("1.1", BudgetWindow.Month.At(_clock.GetUtcNow().ToUnixTimeMilliseconds()), 60, 50, 0, 0) with
            {
                Leased = _bank.Rows["1.1"].Leased,
            });
    }

    [Fact]
    public async Task What_holds_free_above_a_lowered_amount_is_not_held_again()
    {
        var terms = Given.Budget("b", BudgetSubject.Workspace(Given.Workspace), 1_000);
        _node.Put(terms);
        var scope = _node.Ledger.ScopeOf(Given.Key(), null, Given.Workspace);
        var first = (await _node.HoldAsync(scope, 500)).Value;
        var second = (await _node.HoldAsync(scope, 500)).Value;
        _node.Put(terms with { AmountNano = 300 });
        first.Release();
        (await _node.HoldAsync(scope, 1)).Fault.ShouldNotBeNull();
        second.Release();
        (await _node.HoldAsync(scope, 301)).Fault.ShouldNotBeNull();
        (await _node.HoldAsync(scope, 300)).Fault.ShouldBeNull();
    }

    [Fact]
    public async Task A_dropped_hold_stays_spent_and_a_released_one_does_not()
    {
        _node.Put(Given.Budget("b", BudgetSubject.Workspace(Given.Workspace), 100));
        var scope = _node.Ledger.ScopeOf(Given.Key(), null, Given.Workspace);
        (await _node.HoldAsync(scope, 60)).Value.Release();
        (await _node.HoldAsync(scope, 60)).Value.Dispose();
        (await _node.HoldAsync(scope, 41)).Fault.ShouldNotBeNull();
        (await _node.HoldAsync(scope, 40)).Value.Release();
        _node.Ledger.BookOf(Given.Organization).StateOf("b")!.Unknown.ShouldBe(60);
        await _node.StopAsync();
        _bank.Rows.Values.Single().Leased.ShouldBe(60, "what nobody settled stays counted after the stop");
    }

    [Fact]
    [Trait("Trap", "20")]
    public async Task A_hold_settles_into_its_own_window_after_the_window_has_rolled_over()
    {
        _clock.Set(new DateTimeOffset(2026, 11, 30, 23, 59, 59, 999, TimeSpan.Zero));
        _node.Put(Given.Budget("b", BudgetSubject.Workspace(Given.Workspace), 100));
        var scope = _node.Ledger.ScopeOf(Given.Key(), null, Given.Workspace);
        var late = (await _node.HoldAsync(scope, 100)).Value;
        _clock.Advance(TimeSpan.FromMilliseconds(1));
        var next = (await _node.HoldAsync(scope, 100)).Value;
        _node.Settle(late, 70);
        (await _node.HoldAsync(scope, 1)).Fault.ShouldNotBeNull();
        _node.Settle(next, 30);
        await _node.Desk.DrainAsync(CancellationToken.None);
        _bank.Rows["1.1"].ShouldSatisfyAllConditions(r => r.Settled.ShouldBe(70), r => r.Closed.ShouldBeTrue(), r => r.Leased.ShouldBe(70));
        _bank.Rows["1.2"].Settled.ShouldBe(30);
        _bank.CheckCountersAgainstLedger();
    }

    [Fact]
    [Trait("Trap", "28")]
    public async Task A_clock_that_is_set_back_does_not_open_the_last_window_again()
    {
        _node.Put(Given.Budget("b", BudgetSubject.Workspace(Given.Workspace), 100, BudgetWindow.Day));
        var scope = _node.Ledger.ScopeOf(Given.Key(), null, Given.Workspace);
        _node.Settle((await _node.HoldAsync(scope, 100)).Value, 100);
        _clock.Advance(TimeSpan.FromDays(1));
        _node.Settle((await _node.HoldAsync(scope, 100)).Value, 100);
        _clock.Advance(TimeSpan.FromDays(-1));
        (await _node.HoldAsync(scope, 1)).Fault.ShouldNotBeNull();
    }
}
