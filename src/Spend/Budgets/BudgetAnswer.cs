using System.Text.Json.Serialization;
using Crew.Kernel;

namespace Crew.Spend;

/// <summary>A budget as the API shows it.</summary>
internal sealed record BudgetAnswer(
    string Id, string Scope, string? WorkspaceId, NanoUsd AmountUsd, string Window, string Mode, bool ClampOutput,
    DateTimeOffset CreatedAt, DateTimeOffset UpdatedAt)
{
    /// <summary>How the current window stands; not of a budget that is gone.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public StandingAnswer? Standing { get; init; }

    public static BudgetAnswer Of(Budget budget, BudgetStanding standing) => Of(budget) with { Standing = StandingAnswer.Of(standing) };

    public static BudgetAnswer Of(Budget budget) => new(
        budget.Id, budget.SubjectOf().ToString(), budget.WorkspaceId, budget.AmountNano, budget.TimeWindow, budget.Mode, budget.ClampOutput,
        budget.CreatedAt, budget.UpdatedAt);
}

/// <summary>The current window of a budget.</summary>
internal sealed record StandingAnswer(NanoUsd SettledUsd, NanoUsd HeldUsd, NanoUsd LostUsd, NanoUsd FreeUsd, NanoUsd DebtUsd, DateTimeOffset? ResetsAt)
{
    public static StandingAnswer Of(BudgetStanding standing)
    {
        var figures = FiguresAnswer.Of(standing);
        return new StandingAnswer(
            figures.SettledUsd, figures.HeldUsd, figures.LostUsd, figures.FreeUsd, figures.DebtUsd, standing.Span.ResetsAt);
    }
}
