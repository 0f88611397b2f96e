using Crew.Http;
using Crew.Kernel;
using Crew.Spend.Contracts;
using Crew.Storage;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.EntityFrameworkCore;

namespace Crew.Spend;

internal static class ExplainBudget
{
    /// <param name="Levels">From the outside in; the last is the budget that was asked for.</param>
    internal sealed record Answer(string BudgetId, bool Blocked, IReadOnlyList<LevelAnswer> Levels)
    {
        /// <summary>Of the budget that was asked for.</summary>
        public required NanoUsd SettledUsd { get; init; }

        public required NanoUsd HeldUsd { get; init; }

        public required NanoUsd LostUsd { get; init; }

        public required NanoUsd FreeUsd { get; init; }

        /// <summary>What was settled beyond the amount.</summary>
        public required NanoUsd DebtUsd { get; init; }

        public required DateTimeOffset? ResetsAt { get; init; }
    }

    public static void Map(RouteGroupBuilder budgets) =>
        budgets.MapGet("/{id}/explain", Handle)
            .WithName("Budgets.Explain")
            .WithSummary("Say which level of a budget's chain blocks, and what is held, settled, lost, free and owed.")
            .Requires(CrewSource.None, "budgets:read");

    private static async Task<Reply<Answer>> Handle(
        string id, Call call, Store store, Ledger ledger, IKeyLineages keys, CancellationToken cancel)
    {
        var standings = await store.ReadAsync(call.Tenant, async db =>
        {
            if (await BudgetAccess.FindAsync(db, call, keys, id) is not { } budget)
            {
                return null;
            }

            var chain = (await ChainAsync(db, call, keys, budget)).ConvertAll(b => b.Terms());
            return await BudgetStanding.OfAsync(db, ledger, chain, cancel);
        }, cancel);
        return standings is null ? Faults.NotFound : AnswerOf(id, call.Caller, standings);
    }

    private static Answer AnswerOf(string id, Caller caller, List<BudgetStanding> standings)
    {
        var asked = FiguresAnswer.Of(standings[^1]);
        var levels = new List<LevelAnswer>();
        foreach (var level in standings.GroupBy(s => s.Terms.Subject.Level).OrderBy(g => g.Key))
        {
            switch (level.Key)
            {
                case BudgetLevel.Organization when !caller.OrganizationPermissions.Has(BudgetAccess.Read):
                    levels.Add(LevelAnswer.Unnamed("above", [.. level]));
                    break;
                case BudgetLevel.Workspace when !caller.SeesWorkspaceLevel:
                    levels.Add(LevelAnswer.Unnamed("workspace", [.. level]));
                    break;
                default:
                    levels.AddRange(level.Select(LevelAnswer.Named));
                    break;
            }
        }

        return new Answer(id, levels.Exists(l => l.Blocked), levels)
        {
            SettledUsd = asked.SettledUsd,
            HeldUsd = asked.HeldUsd,
            LostUsd = asked.LostUsd,
            FreeUsd = asked.FreeUsd,
            DebtUsd = asked.DebtUsd,
            ResetsAt = standings[^1].Span.ResetsAt,
        };
    }

    /// <summary>All budgets that a request under this one counts against, this one last.</summary>
    private static async Task<List<Budget>> ChainAsync(Db db, Call call, IKeyLineages keys, Budget budget)
    {
        var own = budget.SubjectOf();
        var above = new List<BudgetSubject> { BudgetSubject.Organization(budget.OrganizationId) };
        if (own.Level > BudgetLevel.Organization)
        {
            above.Add(BudgetSubject.Workspace(call.Workspace.Id));
        }

        if (own.Level == BudgetLevel.Key && await keys.FindAsync(db, own.Id) is { } line)
        {
            above.AddRange(line.ParentLineageIds.Reverse().Select(id => BudgetSubject.Key(call.Workspace.Id, id)));
            if (line.CrewId is not null)
            {
                above.Add(BudgetSubject.Crew(call.Workspace.Id, line.CrewId));
            }
        }

        var stored = above.Append(own).Select(s => s.Stored).ToList();
        var budgets = await db.Set<Budget>().AsNoTracking().Where(b => stored.Contains(b.Subject)).ToListAsync();
        var subjects = above.Append(own).ToList();
        return [.. budgets.Where(b => subjects.Contains(b.SubjectOf())).OrderBy(b => b.Id == budget.Id).ThenBy(b => subjects.IndexOf(b.SubjectOf()))];
    }
}
