using Crew.Http;
using Crew.Kernel;
using Crew.Storage;

namespace Crew.Spend.Contracts;

/// <summary>What the keys module asks about budgets.</summary>
public sealed class KeyBudgets(Ledger ledger, TimeProvider clock)
{
    /// <summary>
    /// Whether keys that this caller makes must be its children: when it (or a parent) has a budget, which a key beside it would
    /// escape. Those who may change that budget anyway are free.
    /// </summary>
    /// <param name="caller">Who makes the key.</param>
    /// <param name="personId">The person whom the key is to follow; null for none.</param>
    public bool MustHaveParent(Caller caller, string? personId) => WouldEscape(caller, [], personId);

    /// <summary>Whether the spend of a key would miss a budget of a key or a person that the caller's own spend counts against.</summary>
    /// <param name="caller">Who would come by the key's text.</param>
    /// <param name="lineages">The key's lineage and those of its parents.</param>
    /// <param name="personId">The person whom the key follows; null for none.</param>
    public bool WouldEscape(Caller caller, IReadOnlyCollection<string> lineages, string? personId)
    {
        if (caller.OrganizationPermissions.Has(BudgetAccess.Write) || caller.LineageId.Length == 0)
        {
            return false;
        }

        var book = ledger.BookOf(caller.OrganizationId);
        if (caller.UserId is { } person && person != personId && !caller.ManagesWorkspace && book.HasBudget(BudgetSubject.Person(caller.WorkspaceId, person)))
        {
            return true;
        }

        return caller.ParentLineageIds.Append(caller.LineageId)
            .Any(id => !lineages.Contains(id) && book.HasBudget(BudgetSubject.Key(caller.WorkspaceId, id)));
    }

    /// <summary>
    /// Adds the budget of a key to the transaction that makes the key, with its event. Whoever makes a key may give it a budget.
    /// </summary>
    /// <returns>Why the budget is not valid (its fields are named <c>budget.…</c>), or null.</returns>
    public Fault? AddForKey(Db db, Call call, string lineageId, NewBudget budget) =>
        AddForKey(db, call.Caller.OrganizationId, call.Workspace.Id, lineageId, budget);

    /// <inheritdoc cref="AddForKey(Db, Call, string, NewBudget)"/>
    public Fault? AddForKey(Db db, string organizationId, string workspaceId, string lineageId, NewBudget budget)
    {
        var terms = BudgetRequestCheck.Of(budget, "budget.");
        if (terms.Failed(out var wrong))
        {
            return wrong;
        }

        CreateBudget.Add(db, organizationId, BudgetSubject.Key(workspaceId, lineageId), terms.Value, clock);
        return null;
    }
}
