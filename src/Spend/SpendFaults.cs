using Crew.Kernel;
using Crew.Spend.Contracts;

namespace Crew.Spend;

/// <summary>The refusals of this module.</summary>
internal static class SpendFaults
{
    public static readonly Fault CostNotBoundable = new("cost_not_boundable", 400,
        "The cost of this request cannot be bounded beforehand, and a strict budget applies to it. "
        + "Call a model whose output cap bounds the cost, or ask for the budget to be set to tracking.")
    { ShouldRetry = false };

    /// <summary>
    /// No room in a budget. Levels above the caller's workspace are not named; within it, a credential bound to a crew learns of
    /// its own levels only.
    /// </summary>
    public static Fault InsufficientQuota(SpendScope scope, Allowance blocking)
    {
        var terms = blocking.Terms;
        var resets = blocking.Span.ResetsAt is { } at ? Timestamp.ToText(at) : null;
        if (terms.Subject.Level == BudgetLevel.Organization)
        {
            return Quota("a budget above this workspace", "above", resets);
        }

        var fault = Quota($"the {terms.Window.ToName()} budget of this {terms.Subject.LevelName}", terms.Subject.LevelName, resets)
            .With("window", terms.Window.ToName());
        return terms.Subject.Level == BudgetLevel.Workspace && !scope.SeesWorkspaceLevel
            ? fault
            : fault.With("budget_id", terms.Id).With("scope", terms.Subject.ToString());
    }

    public static Fault BudgetExists(BudgetSubject subject, string window) => new Fault("budget_exists", 409,
        $"There is a {window} budget of this scope already: one per scope and window. Change that one, or choose another window.")
        .With("scope", subject.ToString()).With("window", window);

    private static Fault Quota(string where, string level, string? resets) => new("insufficient_quota", 402,
        $"The worst case of this request does not fit into {where}. "
        + "Lower the output cap, wait until the budget resets, or ask for it to be raised.")
    {
        ShouldRetry = false,
        Details = new Dictionary<string, object?> { ["level"] = level, ["blocked"] = true, ["resets_at"] = resets },
    };
}
