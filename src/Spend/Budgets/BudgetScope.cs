using Crew.Http;
using Crew.Kernel;
using Crew.Spend.Contracts;
using Crew.Storage;
using Crew.Tenancy.Contracts;

namespace Crew.Spend;

/// <summary>A scope that was named by a caller and found: what it caps, and for a key its line.</summary>
internal sealed record BudgetScope(BudgetSubject Subject, KeyLineage? Key)
{
    /// <summary>Finds what a caller named. What it does not see is a missing thing.</summary>
    public static async Task<Outcome<BudgetScope>> ResolveAsync(Db db, Call call, IKeyLineages keys, BudgetSubject named)
    {
        var caller = call.Caller;
        switch (named.Level)
        {
            case BudgetLevel.Crew when !call.Workspace.Crews.TryGetValue(named.Id, out var environment) || !caller.Sees(named.Id, environment):
            case BudgetLevel.Workspace or BudgetLevel.Person when !caller.SeesWorkspaceLevel:
            case BudgetLevel.Person when !await People.IsMemberAsync(db, call.Workspace.Id, named.Id):
                return Faults.NotFound;
            case BudgetLevel.Key:
                var line = await keys.FindAsync(db, named.Id);
                return line is not null && (caller.SeesWorkspaceLevel || line.LineageId == caller.LineageId || line.CreatedBy == caller.LineageId)
                    ? new BudgetScope(BudgetSubject.Key(call.Workspace.Id, line.LineageId), line)
                    : Faults.NotFound;
            default:
                return new BudgetScope(named, null);
        }
    }
}
