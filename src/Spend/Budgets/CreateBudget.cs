using System.ComponentModel;
using System.ComponentModel.DataAnnotations;
using Crew.Http;
using Crew.Kernel;
using Crew.Spend.Contracts;
using Crew.Storage;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.EntityFrameworkCore;

namespace Crew.Spend;

internal static class CreateBudget
{
    internal sealed record Request(
        [property: Required, Description("organization, workspace, crew:crew_…, user:user_… or key:key_….")] string? Scope,
        [property: Required, Description("The cap of one window in US dollars, such as \"1.00\".")] NanoUsd? AmountUsd,
        [property: Required, Description("day, week, month or total, in UTC.")] string? Window,
        [property: Description("strict (the default) or tracking.")] string? Mode,
        [property: Description("Whether answers may be cut to what still fits.")] bool? ClampOutput);

    public static void Map(RouteGroupBuilder budgets) =>
        budgets.MapPost("/", Handle)
            .WithName("Budgets.Create")
            .WithSummary("Cap what an organization, workspace, crew, person or key spends in a window. One budget per scope and window.")
            .WithMetadata(new CreatedRoute())
            .Requires(CrewSource.Body, "budgets:write")
            .Audited(BudgetEvents.Created)
            .Refuses("budget_exists")
            .Example("""{"scope": "workspace", "amount_usd": "100.00", "window": "month", "mode": "strict"}""");

    private static async Task<Reply<BudgetAnswer>> Handle(
        Body<Request> body, Call call, Store store, IKeyLineages keys, TimeProvider clock, CancellationToken cancel)
    {
        if (body.Fault is { } broken)
        {
            return broken;
        }

        var request = body.Value;
        var draft = BudgetRequestCheck.Of(new NewBudget(request.AmountUsd, request.Window, request.Mode, request.ClampOutput));
        if (draft.Failed(out var wrong))
        {
            return wrong;
        }

        if (!BudgetSubject.TryParse(request.Scope, call.Caller.OrganizationId, call.Workspace.Id, out var named))
        {
            return Faults.Invalid("scope", "scope must be organization, workspace, crew:crew_…, user:user_… or key:key_…");
        }

        var made = await store.ChangeAsync<Budget>(call.Tenant, call.Origin, async db =>
        {
            var scope = await BudgetScope.ResolveAsync(db, call, keys, named);
            if (scope.Failed(out var unseen))
            {
                return unseen;
            }

            if (BudgetAccess.MayChange(call.Caller, scope.Value.Subject, scope.Value.Key) is { } refused)
            {
                return refused;
            }

            var (level, subject, window) = (scope.Value.Subject.LevelName, scope.Value.Subject.Stored, draft.Value.Window.ToName());
            if (await db.Set<Budget>().AnyAsync(b => b.Level == level && b.Subject == subject && b.TimeWindow == window))
            {
                return SpendFaults.BudgetExists(scope.Value.Subject, window);
            }

            return Add(db, call.Caller.OrganizationId, scope.Value.Subject, draft.Value, clock);
        }, cancel);
        return made.Failed(out var fault) ? fault : Reply<BudgetAnswer>.Created(
            BudgetAnswer.Of(made.Value, BudgetStanding.Of(made.Value.Terms(), clock.GetUtcNow().ToUnixTimeMilliseconds(), [], null)), made.Value.Version);
    }

    /// <summary>Adds a budget with its event and its mark on the feed.</summary>
    public static Budget Add(Db db, string organizationId, BudgetSubject subject, BudgetDraft draft, TimeProvider clock)
    {
        var now = clock.GetUtcNow();
        var budget = new Budget
        {
            Id = Id.New(IdPrefix.Budget, now),
            OrganizationId = organizationId,
            WorkspaceId = subject.WorkspaceId,
            Level = subject.LevelName,
            Subject = subject.Stored,
            TimeWindow = draft.Window.ToName(),
            AmountNano = draft.Amount,
            Mode = draft.Mode,
            ClampOutput = draft.ClampOutput,
            CreatedAt = now,
            UpdatedAt = now,
        };
        db.Add(budget);
        db.Raise(BudgetEvents.Of(BudgetEvents.Created, budget,
            new FieldChange("scope", null, subject.ToString()),
            new FieldChange("amount_usd", null, draft.Amount.ToString()),
            new FieldChange("window", null, budget.TimeWindow),
            new FieldChange("mode", null, budget.Mode),
            new FieldChange("clamp_output", null, budget.ClampOutput)));
        db.Touch(LedgerKeeper.FeedTopic, budget.Id);
        return budget;
    }
}
