namespace Crew.Spend;

/// <summary>What the hot path knows of one budget. Immutable; a change of the budget makes new terms.</summary>
/// <param name="AmountNano">The cap of one window, in nano-USD.</param>
/// <param name="IsStrict">Strict budgets refuse; tracking ones count, and show their debt.</param>
/// <param name="ClampsOutput">Whether an answer may be cut to what still fits instead of being refused.</param>
/// <param name="Version">Of the budget's row: what was read earlier never replaces what was read later.</param>
internal sealed record BudgetTerms(
    string Id, string OrganizationId, BudgetSubject Subject, long AmountNano, BudgetWindow Window, bool IsStrict, bool ClampsOutput,
    long Version = 1);
