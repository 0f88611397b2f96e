using Crew.Http;
using Crew.Kernel;
using Crew.Spend.Contracts;
using Crew.Storage;
using Microsoft.EntityFrameworkCore;

namespace Crew.Spend;

/// <summary>
/// Who sees and who changes which budget. A budget is changed only from strictly above its scope: nobody raises their own cap.
/// </summary>
internal static class BudgetAccess
{
    public static readonly Permission Read = Permissions.Of("budgets:read");
    public static readonly Permission Write = Permissions.Of("budgets:write");

    /// <summary>
    /// The budgets that a credential sees: organization budgets with rights at organization level, all of the workspace, or (bound
    /// to test mode, an environment or a crew) those of its crews, of itself and of keys that it made.
    /// </summary>
    public static async Task<IQueryable<Budget>> VisibleAsync(Db db, Call call, IKeyLineages keys)
    {
        var caller = call.Caller;
        var seesOrganization = caller.OrganizationPermissions.Has(Read);
        var budgets = db.Set<Budget>().Where(b => seesOrganization || b.WorkspaceId != null);
        if (caller.SeesWorkspaceLevel)
        {
            return budgets;
        }

        var crews = call.Workspace.Crews.Where(c => caller.Sees(c.Key, c.Value)).Select(c => c.Key).ToList();
        var lineages = (await keys.MadeByAsync(db, caller.LineageId)).Append(caller.LineageId).ToList();
        return budgets.Where(b => (b.Level == "crew" && crews.Contains(b.Subject)) || (b.Level == "key" && lineages.Contains(b.Subject)));
    }

    public static async Task<Budget?> FindAsync(Db db, Call call, IKeyLineages keys, string id) => Id.IsValid(id, IdPrefix.Budget)
        ? await (await VisibleAsync(db, call, keys)).SingleOrDefaultAsync(b => b.Id == id)
        : null;

    /// <summary>Whether the caller stands strictly above the scope. The scope is one that the caller sees.</summary>
    /// <param name="key">For the scope of a key: its line.</param>
    public static Fault? MayChange(Caller caller, BudgetSubject subject, KeyLineage? key)
    {
        if (caller.OrganizationPermissions.Has(Write))
        {
            return null;
        }

        if (subject.Level is BudgetLevel.Organization or BudgetLevel.Workspace)
        {
            return Above(
                "budgets:write at organization level", $"the {subject.LevelName}'s budget is changed by the organization's owners");
        }

        if (!caller.Permissions.Has(Write))
        {
            return Faults.InsufficientPermissions(Write.ToString());
        }

        if (subject.Level == BudgetLevel.Key && key is not null)
        {
            var isOwn = key.LineageId == caller.LineageId || caller.ParentLineageIds.Contains(key.LineageId);
            return !isOwn && (caller.ManagesWorkspace || key.ParentLineageIds.Contains(caller.LineageId))
                ? null
                : Above("a master key, or the key's parent", "a key's budget is changed by its parent or by a master key, never by itself");
        }

        return caller.ManagesWorkspace
            ? null
            : Above("a master key", $"the budget of a {subject.LevelName} is changed by the workspace's Owner and Admins");
    }

    private static Fault Above(string required, string why) => new Fault("insufficient_permissions", 403,
        $"A budget is changed only from strictly above its scope: {why}. Ask there.").With("required", required);
}
