using Crew.Kernel;
using Crew.Spend.Contracts;

namespace Crew.Spend.Tests;

/// <summary>Long answers that are paid for in steps.</summary>
public sealed class StepTests
{
    private readonly ManualClock _clock = Given.Clock();
    private readonly LeaseBank _bank = new();
    private readonly Node _node;
    private readonly SpendScope _scope;

    /// <summary>10 nano-USD before, 2 for each token of output, at most 1,000 of them.</summary>
    private static readonly HoldRequest Whole = new(new NanoUsd(10), new NanoUsd(2), 1_000, true);

    public StepTests()
    {
        _node = new Node(_bank, _clock, 1);
        _scope = _node.Ledger.ScopeOf(Given.Key(), null, Given.Workspace);
    }

    private async Task<bool> ExtendAsync(Hold hold, long tokens)
    {
        var extending = _node.Ledger.ExtendAsync(hold, Whole.ForOutput(tokens), CancellationToken.None).AsTask();
        while (!extending.IsCompleted)
        {
            await _node.Desk.DrainAsync(CancellationToken.None);
            await Task.WhenAny(extending, Task.Delay(1));
        }

        return await extending;
    }

    [Fact]
    public async Task A_hold_grows_by_steps_until_no_more_fits_and_keeps_what_it_has()
    {
        _node.Put(Given.Budget("outer", BudgetSubject.Organization(Given.Organization), 10_000));
        _node.Put(Given.Budget("inner", BudgetSubject.Workspace(Given.Workspace), 1_000));
        (await _node.HoldAsync(_scope, Whole)).Fault!.Code.ShouldBe("insufficient_quota");
        var hold = (await _node.HoldAsync(_scope, Whole.ForOutput(100))).Value;
        hold.Amount.ShouldBe(new NanoUsd(210));
        (await ExtendAsync(hold, 200)).ShouldBeTrue();
        (await ExtendAsync(hold, 150)).ShouldBeTrue("less than it has is no step");
        hold.Amount.ShouldBe(new NanoUsd(410));
        (await ExtendAsync(hold, 495)).ShouldBeTrue();
        (await ExtendAsync(hold, 496)).ShouldBeFalse();
        hold.Amount.ShouldBe(new NanoUsd(1_000));
        var book = _node.Ledger.BookOf(Given.Organization);
        book.StateOf("outer")!.Held.ShouldBe(1_000, "all levels or none");
        _node.Settle(hold, 900).ShouldBe(NanoUsd.Zero);
        book.StateOf("inner")!.ShouldSatisfyAllConditions(s => s.Held.ShouldBe(0), s => s.Settled.ShouldBe(900));
        (await ExtendAsync(hold, 1_000)).ShouldBeFalse("a hold that has ended does not grow");
        _bank.CheckCountersAgainstLedger();
    }

    [Fact]
    public async Task Steps_leave_room_for_others_that_the_whole_worst_case_would_have_refused()
    {
        _node.Put(Given.Budget("b", BudgetSubject.Workspace(Given.Workspace), 2_100));
        var first = (await _node.HoldAsync(_scope, Whole.ForOutput(100))).Value;
        var second = (await _node.HoldAsync(_scope, Whole.ForOutput(100))).Value;
        (await ExtendAsync(first, 400)).ShouldBeTrue();
        _node.Settle(second, 60);
        (await ExtendAsync(first, 1_000)).ShouldBeTrue();
        _node.Settle(first, 2_010).ShouldBe(NanoUsd.Zero);
    }

    [Fact]
    public async Task A_stream_over_the_turn_of_a_window_grows_in_the_window_in_which_it_began()
    {
        _clock.Set(new DateTimeOffset(2026, 11, 30, 23, 59, 59, 999, TimeSpan.Zero));
        _node.Put(Given.Budget("b", BudgetSubject.Workspace(Given.Workspace), 1_000));
        var late = (await _node.HoldAsync(_scope, Whole.ForOutput(100))).Value;
        _clock.Advance(TimeSpan.FromSeconds(1));
        (await _node.HoldAsync(_scope, 1_000)).Value.Release();
        (await ExtendAsync(late, 495)).ShouldBeTrue();
        (await ExtendAsync(late, 496)).ShouldBeFalse();
        (await _node.HoldAsync(_scope, 1_000)).Fault.ShouldBeNull("the new window has all of its own");
        _node.Settle(late, 700);
        await _node.Desk.DrainAsync(CancellationToken.None);
        _bank.Rows["1.1"].ShouldSatisfyAllConditions(r => r.Settled.ShouldBe(700), r => r.Leased.ShouldBe(700), r => r.Closed.ShouldBeTrue());
    }

    [Fact]
    public async Task Under_tracking_budgets_alone_nothing_is_held_in_steps()
    {
        _node.Put(Given.Budget("b", BudgetSubject.Workspace(Given.Workspace), 10, strict: false));
        var hold = (await _node.HoldAsync(_scope, Whole.ForOutput(100))).Value;
        (await ExtendAsync(hold, 1_000)).ShouldBeTrue();
        _node.Settle(hold, 2_000);
        _node.Ledger.BookOf(Given.Organization).StateOf("b")!.Settled.ShouldBe(2_000);
    }
}
