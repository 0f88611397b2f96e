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
            .WithSummary("List the budgets that this credential sees.")
            .Requires(CrewSource.None, "budgets:read");
        budgets.MapGet("/{id}", ReadAsync)
            .WithName("Budgets.Read")
            .WithSummary("Read one budget.")
            .Requires(CrewSource.None, "budgets:read");
    }

    private static async Task<Reply<PageReply<BudgetAnswer>>> ListAsync(
        Paging paging, Call call, Store store, IKeyLineages keys, CancellationToken cancel)
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
            return Page<Budget>.From(rows, paging.Limit, b => Paging.Encode(b.Id));
        }, cancel);
        return new PageReply<BudgetAnswer>(page.Select(BudgetAnswer.Of));
    }

    private static async Task<Reply<BudgetAnswer>> ReadAsync(string id, Call call, Store store, IKeyLineages keys, CancellationToken cancel)
    {
        var budget = await store.ReadAsync(call.Tenant, db => BudgetAccess.FindAsync(db, call, keys, id), cancel);
        return budget is null ? Faults.NotFound : Reply<BudgetAnswer>.Ok(BudgetAnswer.Of(budget), budget.Version);
    }
}
