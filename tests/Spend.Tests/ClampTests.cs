using Crew.Kernel;
using Crew.Spend.Contracts;

namespace Crew.Spend.Tests;

public sealed class ClampTests
{
    private readonly Node _node = new(new LeaseBank(), Given.Clock(), 1);

    private SpendScope Scope => _node.Ledger.ScopeOf(Given.Key(), null, Given.Workspace);

    private static HoldRequest Request(long fixedPart, long perToken, long tokens) => new(new NanoUsd(fixedPart), new NanoUsd(perToken), tokens, true);

    [Fact]
    public async Task A_clamping_budget_grants_as_many_output_tokens_as_fit()
    {
        _node.Put(Given.Budget("b", BudgetSubject.Workspace(Given.Workspace), 1_000, clamps: true));
        var hold = (await _node.HoldAsync(Scope, Request(100, 7, 1_000))).Value;
        hold.GrantedOutputTokens.ShouldBe(128);
        hold.IsClamped.ShouldBeTrue();
        hold.Amount.ShouldBe(new NanoUsd(100 + (128 * 7)));
        hold.Release();
        var whole = (await _node.HoldAsync(Scope, Request(100, 7, 128))).Value;
        whole.IsClamped.ShouldBeFalse();
        whole.GrantedOutputTokens.ShouldBe(128);
    }

    [Theory]
    [InlineData(16, 16L)]
    [InlineData(15, null)]
    public async Task Output_is_never_clamped_below_sixteen_tokens(long fitting, long? granted)
    {
        _node.Put(Given.Budget("b", BudgetSubject.Workspace(Given.Workspace), 100 + (fitting * 7) + 6, clamps: true));
        var outcome = await _node.HoldAsync(Scope, Request(100, 7, 1_000));
        outcome.Fault?.Code.ShouldBe("insufficient_quota");
        (outcome.Fault is null ? outcome.Value.GrantedOutputTokens : (long?)null).ShouldBe(granted);
    }

    [Fact]
    public async Task A_short_answer_is_held_whole_or_not_at_all()
    {
        _node.Put(Given.Budget("b", BudgetSubject.Workspace(Given.Workspace), 5, clamps: true));
        (await _node.HoldAsync(Scope, Request(0, 1, 6))).Fault.ShouldNotBeNull();
        (await _node.HoldAsync(Scope, Request(0, 1, 5))).Value.IsClamped.ShouldBeFalse();
    }

    [Fact]
    public async Task One_blocking_budget_that_does_not_clamp_refuses()
    {
        _node.Put(Given.Budget("clamps", BudgetSubject.Workspace(Given.Workspace), 500, clamps: true));
        _node.Put(Given.Budget("hard", BudgetSubject.Key(Given.Workspace, "key_1"), 600));
        (await _node.HoldAsync(Scope, Request(0, 1, 700))).Fault!.Details!["budget_id"].ShouldBe("hard");
        (await _node.HoldAsync(Scope, Request(0, 1, 600))).Value.GrantedOutputTokens.ShouldBe(500);
    }

    [Fact]
    public async Task The_tightest_of_several_clamping_budgets_decides()
    {
        _node.Put(Given.Budget("a", BudgetSubject.Workspace(Given.Workspace), 500, clamps: true));
        _node.Put(Given.Budget("b", BudgetSubject.Key(Given.Workspace, "key_1"), 300, clamps: true));
        (await _node.HoldAsync(Scope, Request(20, 2, 700))).Value.GrantedOutputTokens.ShouldBe(140);
    }

    [Fact]
    public async Task An_amount_beyond_64_bits_fits_no_budget_and_harms_no_sum()
    {
        _node.Put(Given.Budget("b", BudgetSubject.Workspace(Given.Workspace), 999_999_999_999_999_999));
        (await _node.HoldAsync(Scope, Request(5, long.MaxValue, long.MaxValue))).Fault!.Status.ShouldBe(402);
        (await _node.HoldAsync(Scope, Request(1, 1, 1))).Value.Release();
        _node.Put(Given.Budget("b", BudgetSubject.Workspace(Given.Workspace), 10, strict: false));
        for (var i = 0; i < 100; i++)
        {
            (await _node.HoldAsync(Scope, Request(5, long.MaxValue, long.MaxValue))).Fault.ShouldBeNull();
        }
    }
}
