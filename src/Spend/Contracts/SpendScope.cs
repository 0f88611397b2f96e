using Crew.Kernel;

namespace Crew.Spend.Contracts;

/// <summary>
/// Whom a request's cost counts against: organization, workspace, crew, person, parent keys and key. Made by
/// <see cref="Ledger.ScopeOf"/> and kept as long as its caller.
/// </summary>
public sealed class SpendScope
{
    internal SpendScope(Book book, Caller caller, string workspaceId, string? crewId)
    {
        Book = book;
        SeesWorkspaceLevel = caller.SeesWorkspaceLevel;
        var subjects = new List<BudgetSubject>(6)
        {
            BudgetSubject.Organization(caller.OrganizationId),
            BudgetSubject.Workspace(workspaceId),
        };
        if (crewId is not null)
        {
            subjects.Add(BudgetSubject.Crew(workspaceId, crewId));
        }

        if (caller.UserId is not null)
        {
            subjects.Add(BudgetSubject.Person(workspaceId, caller.UserId));
        }

        // A key's budget is at home in the key's own workspace, wherever an account master calls.
        subjects.AddRange(caller.ParentLineageIds.Reverse().Select(id => BudgetSubject.Key(caller.WorkspaceId, id)));
        if (caller.LineageId.Length > 0)
        {
            subjects.Add(BudgetSubject.Key(caller.WorkspaceId, caller.LineageId));
        }

        Subjects = subjects;
    }

    internal Book Book { get; }

    /// <summary>Whether a refusal may name budgets of the workspace, and not only those of its own crew and key.</summary>
    internal bool SeesWorkspaceLevel { get; }

    internal IReadOnlyList<BudgetSubject> Subjects { get; }

    /// <summary>Written under the book's lock, read without it by <see cref="Ledger.IsCapped"/>.</summary>
    internal Chain Chain { get; set; } = Chain.Empty;
}
