using Crew.Kernel;

namespace Crew.Spend;

/// <summary>The events of this module.</summary>
internal static class BudgetEvents
{
    public const string Created = "budget.created";
    public const string Updated = "budget.updated";
    public const string Deleted = "budget.deleted";

    public static Event Of(string type, Budget budget, params IReadOnlyList<FieldChange> changes) => new(type, Resource(budget.Terms()))
    {
        Tenant = new Tenant(budget.OrganizationId, budget.WorkspaceId),
        Log = budget.WorkspaceId is null ? EventLog.Organization : null,
        CrewId = budget.SubjectOf() is { Level: BudgetLevel.Crew } crew ? crew.Id : null,
        Changes = changes,
    };

    /// <summary>A provider billed more than was held under a strict budget.</summary>
    public static Event Breach(BudgetTerms terms, NanoUsd excess) => new("budget.breach", Resource(terms))
    {
        Tenant = new Tenant(terms.OrganizationId, terms.Subject.WorkspaceId),
        Log = terms.Subject.WorkspaceId is null ? EventLog.Organization : null,
        Outcome = "failure",
        Reason = "billed_above_hold",
        CrewId = terms.Subject.Level == BudgetLevel.Crew ? terms.Subject.Id : null,
        Changes = [new FieldChange("excess_usd", null, excess.ToString())],
    };

    /// <summary>Of a window's amount so much is settled; told once per window and threshold, over all nodes.</summary>
    public static Event Warning(BudgetTerms terms, int percent, NanoUsd settled, DateTimeOffset? resetsAt) => new("budget.warning", Resource(terms))
    {
        Tenant = new Tenant(terms.OrganizationId, terms.Subject.WorkspaceId),
        Log = terms.Subject.WorkspaceId is null ? EventLog.Organization : null,
        CrewId = terms.Subject.Level == BudgetLevel.Crew ? terms.Subject.Id : null,
        Changes =
        [
            new FieldChange("threshold_percent", null, percent),
            new FieldChange("settled_usd", null, settled.ToString()),
            new FieldChange("amount_usd", null, new NanoUsd(terms.AmountNano).ToString()),
            new FieldChange("resets_at", null, resetsAt is { } at ? Timestamp.ToText(at) : null),
        ],
    };

    private static Resource Resource(BudgetTerms terms) => new("budget", terms.Id, terms.Subject.ToString());
}
