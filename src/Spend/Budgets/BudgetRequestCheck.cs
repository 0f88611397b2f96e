using Crew.Kernel;
using Crew.Spend.Contracts;

namespace Crew.Spend;

/// <summary>The terms of a budget after their form was checked.</summary>
internal sealed record BudgetDraft(NanoUsd Amount, BudgetWindow Window, string Mode, bool ClampOutput);

/// <summary>Checks of form. Pure.</summary>
internal static class BudgetRequestCheck
{
    /// <summary>Reads the terms; a refusal names the field, below <paramref name="path"/>.</summary>
    public static Outcome<BudgetDraft> Of(NewBudget budget, string path = "")
    {
        if (budget.AmountUsd is not { } amount)
        {
            return Faults.Invalid($"{path}amount_usd", $"{path}amount_usd is missing: give the cap as a decimal string such as \"12.50\".");
        }

        if (!BudgetWindows.TryParse(budget.Window, out var window))
        {
            return Faults.Invalid($"{path}window", $"{path}window must be day, week, month or total.");
        }

        return Mode(budget.Mode, path) is { } wrong ? wrong : new BudgetDraft(amount, window, budget.Mode ?? Budget.Strict, budget.ClampOutput ?? false);
    }

    public static Fault? Mode(string? mode, string path = "") => mode is null or Budget.Strict or Budget.Tracking
        ? null
        : Faults.Invalid($"{path}mode", $"{path}mode must be strict or tracking.");
}
