using Crew.Http;
using Crew.Kernel;
using Crew.Spend.Contracts;
using Crew.Storage;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace Crew.Spend;

internal static class UpdateBudget
{
    /// <summary>Fields that are left out stay as they are; scope and window never change.</summary>
    internal sealed record Request(NanoUsd? AmountUsd, string? Mode, bool? ClampOutput);

    public static void Map(RouteGroupBuilder budgets)
    {
        budgets.MapPatch("/{id}", UpdateAsync)
            .WithName("Budgets.Update")
            .WithSummary("Change a budget's amount, mode or clamping, from strictly above its scope. It counts from the answer on.")
            .Requires(CrewSource.None, "budgets:write")
            .Audited(BudgetEvents.Updated)
            .Example("""{"amount_usd": "250.00"}""");
        budgets.MapDelete("/{id}", DeleteAsync)
            .WithName("Budgets.Delete")
            .WithSummary("Remove a budget, from strictly above its scope.")
            .Requires(CrewSource.None, "budgets:write")
            .Audited(BudgetEvents.Deleted);
    }

    private static async Task<Reply<BudgetAnswer>> UpdateAsync(
        string id, Body<Request> body, Call call, Store store, Ledger ledger, IKeyLineages keys, TimeProvider clock, CancellationToken cancel)
    {
        if ((body.Fault ?? BudgetRequestCheck.Mode(body.Value.Mode)) is { } wrong)
        {
            return wrong;
        }

        var changed = await store.ChangeAsync<(Budget Budget, BudgetStanding Standing)>(call.Tenant, call.Origin, async db =>
        {
            var found = await FindChangeableAsync(db, id, call, keys);
            if (found.Failed(out var refused))
            {
                return refused;
            }

            Apply(db, found.Value, body.Value, clock);
            return (found.Value, (await BudgetStanding.OfAsync(db, ledger, [found.Value.Terms()], cancel))[0]);
        }, cancel);
        return changed.Failed(out var fault)
            ? fault
            : Reply<BudgetAnswer>.Ok(BudgetAnswer.Of(changed.Value.Budget, changed.Value.Standing), changed.Value.Budget.Version);
    }

    private static async Task<Reply<BudgetAnswer>> DeleteAsync(string id, Call call, Store store, IKeyLineages keys, CancellationToken cancel)
    {
        var removed = await store.ChangeAsync<Budget>(call.Tenant, call.Origin, async db =>
        {
            var found = await FindChangeableAsync(db, id, call, keys);
            if (found.Fault is null)
            {
                db.Remove(found.Value);
                db.Raise(BudgetEvents.Of(BudgetEvents.Deleted, found.Value));
                db.Touch(LedgerKeeper.FeedTopic, id);
            }

            return found;
        }, cancel);
        return removed.Failed(out var fault) ? fault : BudgetAnswer.Of(removed.Value);
    }

    private static async Task<Outcome<Budget>> FindChangeableAsync(Db db, string id, Call call, IKeyLineages keys)
    {
        if (await BudgetAccess.FindAsync(db, call, keys, id) is not { } budget)
        {
            return Faults.NotFound;
        }

        var subject = budget.SubjectOf();
        var line = subject.Level == BudgetLevel.Key ? await keys.FindAsync(db, subject.Id) : null;
        return (call.CheckVersion(budget.Version) ?? BudgetAccess.MayChange(call.Caller, subject, line)) is { } refused ? refused : budget;
    }

    private static void Apply(Db db, Budget budget, Request request, TimeProvider clock)
    {
        var changes = new List<FieldChange>();
        if (request.AmountUsd is { } amount && amount != budget.AmountNano)
        {
            changes.Add(new FieldChange("amount_usd", budget.AmountNano.ToString(), amount.ToString()));
            budget.AmountNano = amount;
        }

        if (request.Mode is { } mode && mode != budget.Mode)
        {
            changes.Add(new FieldChange("mode", budget.Mode, mode));
            budget.Mode = mode;
        }

        if (request.ClampOutput is { } clamp && clamp != budget.ClampOutput)
        {
            changes.Add(new FieldChange("clamp_output", budget.ClampOutput, clamp));
            budget.ClampOutput = clamp;
        }

        if (changes.Count > 0)
        {
            budget.Version++;
            budget.UpdatedAt = clock.GetUtcNow();
            db.Raise(BudgetEvents.Of(BudgetEvents.Updated, budget, changes));
            db.Touch(LedgerKeeper.FeedTopic, budget.Id);
        }
    }
}
