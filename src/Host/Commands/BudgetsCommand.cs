using System.CommandLine;
using System.Text.Json;
using Crew.Spend.Contracts;

namespace Crew.Host.Commands;

internal static class BudgetsCommand
{
    public static Command Make() => new("budgets", "Budgets of all organizations, and what was lost when a server died.") { MakeList(), MakeReleaseLost() };

    private static Command MakeList()
    {
        var list = new Command("list", "List all budgets and how their current window stands, in USD.") { CommandLine.Data, CommandLine.Database, CommandLine.AsJson };
        list.SetAction((options, cancel) => CommandLine.WithUnchangedAsync(options, async (_, services) =>
        {
            var budgets = await services.GetRequiredService<OperatorBudgets>().ListAsync(cancel);
            if (options.GetValue(CommandLine.AsJson))
            {
                Terminal.Line(JsonSerializer.Serialize(budgets.Select(b => new
                {
                    b.Id,
                    b.OrganizationId,
                    b.WorkspaceId,
                    b.Scope,
                    b.Window,
                    b.Mode,
                    AmountUsd = b.Amount.ToString(),
                    SettledUsd = b.Settled.ToString(),
                    HeldUsd = b.Held.ToString(),
                    LostUsd = b.Lost.ToString(),
                    FreeUsd = b.Free.ToString(),
                    b.ResetsAt,
                }), CommandLine.Json));
                return null;
            }

            budgets.ForEach(b => Terminal.Line(
                $"{b.Id}  {b.Scope}  {b.Window}  {b.Mode}  amount {b.Amount}  settled {b.Settled}  held {b.Held}  lost {b.Lost}  free {b.Free}"));
            return null;
        }, cancel));
        return list;
    }

    private static Command MakeReleaseLost()
    {
        var id = new Argument<string>("id") { Description = "Id of the budget (budget_…)." };
        var release = new Command("release-lost", "Give the lost amount of a budget back, once the provider's bill shows that it was not charged.")
        {
            CommandLine.Data, CommandLine.Database, CommandLine.AsJson, id,
        };
        release.SetAction((options, cancel) => CommandLine.WithInstallationAsync(options, mayBegin: false, async (installation, services) =>
        {
            // On SQLite only one server can run, and that none does is known at once: what a dead one had leased is lost.
            await using var claim = installation.Store.Dialect == "sqlite" ? await installation.Store.TryClaimAsync(cancel) : null;
            var released = await services.GetRequiredService<OperatorBudgets>()
                .ReleaseLostAsync(options.GetValue(id)!, noServerRuns: claim is not null, Installation.Operator, cancel);
            if (released.Fault is null)
            {
                Terminal.Line(options.GetValue(CommandLine.AsJson)
                    ? JsonSerializer.Serialize(new { Id = options.GetValue(id), ReleasedUsd = released.Value.ToString() }, CommandLine.Json)
                    : $"released {released.Value} USD");
            }

            return released.Fault;
        }, cancel));
        return release;
    }
}
