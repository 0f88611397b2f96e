using System.Globalization;
using Crew.Http;
using Crew.Kernel;
using Crew.Storage;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Logging.Abstractions;

namespace Crew.Spend.Tests;

public sealed class LedgerWatchTests
{
    private static readonly BudgetSubject Workspace = BudgetSubject.Workspace(Given.Workspace);

    private static LedgerWatch Watch(StoredSpend spend, StoredSpend.Process process, Metrics? metrics = null) => new(
        spend.Store, process.Ledger, spend.Check, new SpendOptions(), metrics ?? new Metrics(), spend.Clock, NullLogger<LedgerWatch>.Instance);

    private static List<string> Warnings(StoredSpend spend, string budgetId) => [.. spend.Events.Heard
        .Where(e => e.Type == "budget.warning" && e.Resource!.Id == budgetId)
        .Select(e => Convert.ToString(e.Changes.Single(c => c.Field == "threshold_percent").To, CultureInfo.InvariantCulture)!)];

    [Theory]
    [InlineData("sqlite", 1)]
    [InlineData("postgres", 3)]
    public async Task A_budget_that_runs_low_is_told_once_per_window_and_threshold_over_all_nodes(string dialect, int nodes)
    {
        var clock = new LeapingClock();
        await using var spend = await StoredSpend.OpenAsync(dialect, clock);
        var tracking = await spend.AddAsync(Workspace, 1_000, BudgetWindow.Day, "tracking");
        var strict = await spend.AddAsync(BudgetSubject.Organization(Given.Organization), 10_000, BudgetWindow.Total);
        var processes = new List<StoredSpend.Process>();
        for (var node = 0; node < nodes; node++)
        {
            processes.Add(await spend.StartAsync());
        }

        var watches = processes.ConvertAll(p => Watch(spend, p));
        await SettleAsync(740);
        Warnings(spend, tracking).ShouldBeEmpty();
        await SettleAsync(10);
        Warnings(spend, tracking).ShouldBe(["75"]);
        await SettleAsync(100);
        Warnings(spend, tracking).ShouldBe(["75"]);
        await SettleAsync(500);
        Warnings(spend, tracking).ShouldBe(["75", "95"]);
        Warnings(spend, strict).ShouldBeEmpty();
        if (dialect == "sqlite")
        {
            // PostgreSQL's own clock, which turns the windows there, cannot be moved on.
            clock.Advance(TimeSpan.FromDays(1));
            await SettleAsync(990);
            Warnings(spend, tracking).ShouldBe(["75", "95", "75", "95"]);
        }

        async Task SettleAsync(long cost)
        {
            foreach (var process in processes)
            {
                var part = cost / nodes;
                part += process == processes[0] ? cost % nodes : 0;
                await process.SettleAsync((await process.HoldAsync(Given.Key(), part)).Value, part);
            }

            foreach (var watch in watches)
            {
                await watch.WarnAsync(default);
            }
        }
    }

    [Theory]
    [InlineData("sqlite")]
    [InlineData("postgres")]
    public async Task The_standing_check_finds_a_counter_that_differs_from_the_ledger(string dialect)
    {
        await using var spend = await StoredSpend.OpenAsync(dialect);
        await spend.AddAsync(Workspace, 1_000);
        var process = await spend.StartAsync();
        var metrics = new Metrics();
        using var watch = Watch(spend, process, metrics);
        await watch.StartAsync(default);
        await process.SettleAsync((await process.HoldAsync(Given.Key(), 100)).Value, 70);
        await watch.CheckAsync(default);
        metrics.Render().ShouldContain("crew_budget_ledger_mismatches 0");
        await spend.Store.ChangeAsync<bool>(SystemJob.OperatorCommand, Origin.System, async db =>
        {
            await db.Database.ExecuteSqlAsync($"UPDATE spend_leases SET settled_nano = settled_nano + 7");
            return true;
        });
        await watch.CheckAsync(default);
        metrics.Render().ShouldContain("crew_budget_ledger_mismatches 1");
        metrics.Render().ShouldContain("crew_budget_ledger_checks 2");
        await watch.StopAsync(default);
    }
}
