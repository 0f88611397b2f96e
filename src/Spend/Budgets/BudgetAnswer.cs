using Crew.Kernel;

namespace Crew.Spend;

/// <summary>A budget as the API shows it.</summary>
internal sealed record BudgetAnswer(
    string Id, string Scope, string? WorkspaceId, NanoUsd AmountUsd, string Window, string Mode, bool ClampOutput,
    DateTimeOffset CreatedAt, DateTimeOffset UpdatedAt)
{
    public static BudgetAnswer Of(Budget budget) => new(
        budget.Id, budget.SubjectOf().ToString(), budget.WorkspaceId, budget.AmountNano, budget.TimeWindow, budget.Mode, budget.ClampOutput,
        budget.CreatedAt, budget.UpdatedAt);
}
