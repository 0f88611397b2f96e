using Crew.Http;
using Crew.Kernel;
using Crew.Spend.Contracts;
using Crew.Storage;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.EntityFrameworkCore;

namespace Crew.Spend;

internal static class ReadBudgets
{
    public static void Map(RouteGroupBuilder budgets)
    {
        budgets.MapGet("/", ListAsync)
            .WithName("Budgets.List")
            .WithSummary("List the budgets that this credential sees, with how their windows stand.")
            .Requires(CrewSource.None, "budgets:read");
        budgets.MapGet("/{id}", ReadAsync)
            .WithName("Budgets.Read")
            .WithSummary("Read one budget, with how its window stands.")
            .Requires(CrewSource.None, "budgets:read");
    }

    private static async Task<Reply<PageReply<BudgetAnswer>>> ListAsync(
        Paging paging, Call call, Store store, Ledger ledger, IKeyLineages keys, CancellationToken cancel)
    {
        if (paging.Fault is { } fault)
        {
            return fault;
        }

        var page = await store.ReadAsync(call.Tenant, async db =>
        {
            var rows = await (await BudgetAccess.VisibleAsync(db, call, keys)).AsNoTracking()
                .Where(b => paging.Cursor == null || string.Compare(b.Id, paging.Cursor) > 0)
                .OrderBy(b => b.Id).Take(paging.Limit + 1).ToListAsync(cancel);
            var budgets = Page<Budget>.From(rows, paging.Limit, b => Paging.Encode(b.Id));
            var standings = (await BudgetStanding.OfAsync(db, ledger, rows.ConvertAll(b => b.Terms()), cancel)).ToDictionary(s => s.Terms.Id);
            return budgets.Select(b => BudgetAnswer.Of(b, standings[b.Id]));
        }, cancel);
        return new PageReply<BudgetAnswer>(page);
    }

    private static async Task<Reply<BudgetAnswer>> ReadAsync(
        string id, Call call, Store store, Ledger ledger, IKeyLineages keys, CancellationToken cancel)
    {
        var found = await store.ReadAsync(call.Tenant, async db =>
        {
            var budget = await BudgetAccess.FindAsync(db, call, keys, id);
            return budget is null ? null : new { Budget = budget, Standing = (await BudgetStanding.OfAsync(db, ledger, [budget.Terms()], cancel))[0] };
        }, cancel);
        return found is null
            ? Faults.NotFound
            : Reply<BudgetAnswer>.Ok(BudgetAnswer.Of(found.Budget, found.Standing), found.Budget.Version);
    }
}
