using Crew.Kernel;

namespace Crew.Spend.Tests;

public sealed class RefusalTests
{
    private readonly Node _node = new(new LeaseBank(), Given.Clock(), 1);

    private async Task<Fault> Refuse(Caller caller) => (await _node.HoldAsync(_node.Ledger.ScopeOf(caller, "crew_1", Given.Workspace), 100)).Fault!;

    [Fact]
    public async Task A_refusal_is_a_402_that_no_client_retries_and_says_when_the_budget_resets()
    {
        _node.Put(Given.Budget("bud_1", BudgetSubject.Key(Given.Workspace, "key_1"), 10, BudgetWindow.Day));
        var fault = await Refuse(Given.Key());
        fault.ShouldSatisfyAllConditions(
            f => f.Code.ShouldBe("insufficient_quota"),
            f => f.Status.ShouldBe(402),
            f => f.ShouldRetry.ShouldBe(false),
            f => f.RetryAfterSeconds.ShouldBeNull());
        fault.Details.ShouldBe(new Dictionary<string, object?>
        {
            ["level"] = "key",
            ["blocked"] = true,
            ["resets_at"] = "2026-11-05T00:00:00.000Z",
            ["window"] = "day",
            ["budget_id"] = "bud_1",
            ["scope"] = "key:key_1",
        }, ignoreOrder: true);
    }

    [Fact]
    public async Task A_level_above_the_workspace_is_not_named()
    {
        _node.Put(Given.Budget("bud_1", BudgetSubject.Organization(Given.Organization), 10, BudgetWindow.Total));
        (await Refuse(Given.Key())).Details.ShouldBe(
            new Dictionary<string, object?> { ["level"] = "above", ["blocked"] = true, ["resets_at"] = null }, ignoreOrder: true);
    }

    [Fact]
    public async Task A_key_of_one_environment_does_not_learn_the_id_of_the_workspace_budget()
    {
        _node.Put(Given.Budget("bud_1", BudgetSubject.Workspace(Given.Workspace), 10));
        (await Refuse(Given.Key())).Details!.Keys.ShouldContain("budget_id");
        var bound = new Caller
        {
            Actor = new Actor("api_key", "key_2"),
            OrganizationId = Given.Organization,
            WorkspaceId = Given.Workspace,
            Permissions = Permissions.All,
            LineageId = "key_2",
            Environment = CrewEnvironment.Production,
        };
        (await Refuse(bound)).Details!.Keys.ShouldNotContain("budget_id");
    }

    [Fact]
    public async Task Of_several_blocking_budgets_the_last_to_reset_is_named()
    {
        _node.Put(Given.Budget("day", BudgetSubject.Key(Given.Workspace, "key_1"), 10, BudgetWindow.Day));
        _node.Put(Given.Budget("month", BudgetSubject.Workspace(Given.Workspace), 10));
        (await Refuse(Given.Key())).Details!["budget_id"].ShouldBe("month");
    }
}
