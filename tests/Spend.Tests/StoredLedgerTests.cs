using System.Collections.Concurrent;
using Crew.Kernel;
using Crew.Spend.Contracts;
using Crew.Storage;
using Microsoft.EntityFrameworkCore;

namespace Crew.Spend.Tests;

public sealed class StoredLedgerTests
{
    private static readonly BudgetSubject Workspace = BudgetSubject.Workspace(Given.Workspace);
    private static readonly BudgetSubject Organization = BudgetSubject.Organization(Given.Organization);
    private static readonly BudgetSubject Key = BudgetSubject.Key(Given.Workspace, "key_1");

    [Theory]
    [InlineData("sqlite")]
    [InlineData("postgres")]
    public async Task The_counters_equal_the_fold_of_the_rows(string dialect)
    {
        await using var spend = await StoredSpend.OpenAsync(dialect);
        await spend.AddAsync(Organization, 1_000_000);
        await spend.AddAsync(Workspace, 900_000, BudgetWindow.Day);
        await spend.AddAsync(Key, 800_000, BudgetWindow.Total, "tracking");
        var process = await spend.StartAsync();
        await Task.WhenAll(Enumerable.Range(0, 200).Select(async i =>
        {
            var hold = (await process.HoldAsync(Given.Key(), 1_000)).Value;
            await process.SettleAsync(hold, 500 + i);
        }));
        (await spend.Check.RunAsync(DateTimeOffset.UnixEpoch, default)).ShouldBeEmpty();
        (await spend.LeasesAsync()).ShouldAllBe(l => l.SettledNano == (200 * 500) + (199 * 200 / 2));
        await spend.Store.ChangeAsync<bool>(SystemJob.OperatorCommand, Origin.System, async db =>
        {
            await db.Database.ExecuteSqlAsync($"UPDATE spend_leases SET settled_nano = settled_nano + 7 WHERE window_start = 0");
            return true;
        });
        var mismatch = (await spend.Check.RunAsync(DateTimeOffset.UnixEpoch, default)).ShouldHaveSingleItem();
        (mismatch.Counted - mismatch.Rows).ShouldBe(new NanoUsd(7));
    }

    [Theory]
    [InlineData("sqlite")]
    [InlineData("postgres")]
    public async Task After_an_orderly_stop_the_whole_rest_is_there_again(string dialect)
    {
        await using var spend = await StoredSpend.OpenAsync(dialect);
        await spend.AddAsync(Workspace, 1_000);
        var first = await spend.StartAsync();
        await first.SettleAsync((await first.HoldAsync(Given.Key(), 400)).Value, 300);
        await first.Keeper.CloseAsync(default);
        (await first.HoldAsync(Given.Key(), 1)).Fault.ShouldBe(Faults.StorageUnavailable);
        (await spend.LeasesAsync()).ShouldHaveSingleItem().LeasedNano.ShouldBe(300);
        var second = await spend.StartAsync();
        (await second.HoldAsync(Given.Key(), 701)).Fault!.Code.ShouldBe("insufficient_quota");
        (await second.HoldAsync(Given.Key(), 700)).Fault.ShouldBeNull();
    }

    [Fact]
    public async Task After_a_crash_what_was_leased_and_not_settled_is_lost_until_it_is_released()
    {
        await using var spend = await StoredSpend.OpenAsync("sqlite");
        var budget = await spend.AddAsync(Workspace, 1_000);
        var first = await spend.StartAsync();
        await first.SettleAsync((await first.HoldAsync(Given.Key(), 400)).Value, 300);
        await first.HoldAsync(Given.Key(), 200);
        var second = await spend.StartAsync();
        var listed = (await spend.Operator.ListAsync(default)).ShouldHaveSingleItem();
        listed.Settled.ShouldBe(new NanoUsd(300));
        listed.Lost.ShouldBeGreaterThanOrEqualTo(new NanoUsd(200));
        (listed.Settled + listed.Lost + listed.Free).ShouldBe(new NanoUsd(1_000));
        (await second.HoldAsync(Given.Key(), listed.Free.Value + 1)).Fault.ShouldNotBeNull();
        (await second.HoldAsync(Given.Key(), listed.Free.Value)).Value.Release();
        (await spend.Operator.ReleaseLostAsync(budget, noServerRuns: false, Origin.System, default)).Value.ShouldBe(listed.Lost);
        await second.Keeper.ApplyAsync([budget], default);
        (await second.HoldAsync(Given.Key(), 701)).Fault.ShouldNotBeNull();
        (await second.HoldAsync(Given.Key(), 700)).Fault.ShouldBeNull();
        spend.Events.Heard.ShouldContain(e => e.Type == "operator.budget.released" && e.Log == EventLog.Installation);
        (await spend.Operator.ReleaseLostAsync("bud_none", noServerRuns: false, Origin.System, default)).Fault.ShouldBe(Faults.NotFound);
    }

    [Theory]
    [InlineData("sqlite")]
    [InlineData("postgres")]
    public async Task A_thousand_holds_over_four_levels_pass_exactly_as_often_as_they_fit(string dialect)
    {
        await using var spend = await StoredSpend.OpenAsync(dialect);
        await spend.AddAsync(Organization, 1_000_000_000);
        await spend.AddAsync(Workspace, 500_000_000);
        await spend.AddAsync(BudgetSubject.Crew(Given.Workspace, "crew_1"), 1_000_000);
        await spend.AddAsync(Key, (137 * 1_001) + 1_000, BudgetWindow.Day);
        var process = await spend.StartAsync();
        var outcomes = await Task.WhenAll(Enumerable.Range(0, 1_000).Select(_ => process.HoldAsync(Given.Key(), 1_001, "crew_1")));
        outcomes.Count(o => o.Fault is null).ShouldBe(137);
        outcomes.Where(o => o.Fault is not null).ShouldAllBe(o => o.Fault!.Code == "insufficient_quota");
        await Task.WhenAll(outcomes.Where(o => o.Fault is null).Select(o => process.SettleAsync(o.Value, 1_001)));
        (await spend.LeasesAsync()).ShouldAllBe(l => l.SettledNano == 137 * 1_001 && l.LeasedNano >= l.SettledNano);
        (await spend.Check.RunAsync(DateTimeOffset.UnixEpoch, default)).ShouldBeEmpty();
    }

    [Fact]
    public async Task Several_processes_over_one_PostgreSQL_never_pass_a_cap_together()
    {
        await using var spend = await StoredSpend.OpenAsync("postgres");
        await spend.AddAsync(Workspace, 100_000);
        await spend.AddAsync(Key, 77_777, BudgetWindow.Day);
        var processes = await Task.WhenAll(spend.StartAsync(), spend.StartAsync(), spend.StartAsync());
        var settled = 0L;
        await Task.WhenAll(Enumerable.Range(0, 900).Select(async i =>
        {
            var process = processes[i % 3];
            var outcome = await process.HoldAsync(Given.Key(), 301);
            if (outcome.Fault is null)
            {
                await process.SettleAsync(outcome.Value, 301 - (i % 50));
                Interlocked.Add(ref settled, 301 - (i % 50));
            }
        }));
        settled.ShouldBeInRange(1, 77_777);
        var leases = await spend.LeasesAsync();
        foreach (var window in leases.GroupBy(l => l.BudgetId))
        {
            window.Sum(l => l.SettledNano).ShouldBe(settled);
            window.Sum(l => Math.Max(l.LeasedNano, l.SettledNano)).ShouldBeLessThanOrEqualTo(100_000);
        }

        (await spend.Check.RunAsync(DateTimeOffset.UnixEpoch, default)).ShouldBeEmpty();
    }

    [Fact]
    public async Task What_other_processes_do_not_use_is_called_back_before_anything_is_refused()
    {
        await using var spend = await StoredSpend.OpenAsync("postgres");
        await spend.AddAsync(Workspace, 100_000);
        var processes = await Task.WhenAll(spend.StartAsync(), spend.StartAsync(), spend.StartAsync());
        var admitted = 0;
        await Task.WhenAll(Enumerable.Range(0, 600).Select(async i =>
        {
            var outcome = await processes[i % 3].HoldAsync(Given.Key(), 301);
            if (outcome.Fault is null)
            {
                await processes[i % 3].SettleAsync(outcome.Value, 301);
                Interlocked.Increment(ref admitted);
            }
            else
            {
                outcome.Fault.Code.ShouldBe("insufficient_quota");
            }
        }));
        admitted.ShouldBe(100_000 / 301);
        (await processes[1].HoldAsync(Given.Key(), (100_000 % 301) + 1)).Fault!.Code.ShouldBe("insufficient_quota");
        (await processes[2].HoldAsync(Given.Key(), 100_000 % 301)).Fault.ShouldBeNull();
    }

    [Fact]
    public async Task With_one_of_three_processes_killed_and_one_stopped_the_cap_holds_and_nothing_is_refused_that_the_rest_would_cover()
    {
        const long cost = 1_001;
        const long cap = (300 * cost) + 500;
        var clock = new LeapingClock();
        await using var spend = await StoredSpend.OpenAsync("postgres", clock);
        var budget = await spend.AddAsync(Workspace, cap, BudgetWindow.Total);
        var processes = await Task.WhenAll(spend.StartAsync(), spend.StartAsync(), spend.StartAsync());
        var (billed, refused, done) = (0L, 0, 0);
        var underWay = new ConcurrentBag<Hold>();
        await Task.WhenAll(Enumerable.Range(0, 1_000).Select(i => Task.Run(async () =>
        {
            var process = processes[i % 3];
            var outcome = await process.HoldAsync(Given.Key(), cost);
            switch (Interlocked.Increment(ref done))
            {
                case 150:
                    processes[1].Halt();
                    break;
                case 200:
                    processes[2].Halt();
                    break;
            }

            if (outcome.Fault is not null)
            {
                Interlocked.Add(ref refused, i % 3 == 0 ? 1 : 0);
                return;
            }

            Interlocked.Add(ref billed, cost);
            if (process == processes[0] || i % 2 == 0)
            {
                await process.SettleAsync(outcome.Value, cost);
            }
            else if (process == processes[2])
            {
                underWay.Add(outcome.Value);
            }
        })));
        billed.ShouldBeLessThanOrEqualTo(cap);
        refused.ShouldBeGreaterThan(0);
        var leases = await spend.LeasesAsync();
        var own = leases.Single(l => l.Epoch == processes[0].Ledger.Desk.Epoch);
        (cap - leases.Where(l => l != own).Sum(l => Math.Max(l.LeasedNano, l.SettledNano)) - own.SettledNano)
            .ShouldBeLessThan(cost, "what no unreachable process holds was given out");

        for (var silent = 0; silent <= 21; silent++)
        {
            clock.Advance(TimeSpan.FromSeconds(1));
            await processes[0].Keeper.RenewAsync(default);
        }

        await processes[2].Keeper.RenewAsync(default);
        await Task.WhenAll(underWay.Select(hold => processes[2].SettleAsync(hold, cost)));
        await processes[2].Ledger.Desk.DrainAsync(default);
        var listed = (await spend.Operator.ListAsync(default)).Single(b => b.Id == budget);
        (listed.Settled + listed.Lost).Value.ShouldBeInRange(billed, cap);
        (await spend.Check.RunAsync(DateTimeOffset.UnixEpoch, default)).ShouldBeEmpty();
    }

    [Fact]
    public async Task A_process_that_was_taken_for_dead_spends_nothing_of_its_old_leases_settles_late_and_gives_back_the_rest()
    {
        var clock = new LeapingClock();
        await using var spend = await StoredSpend.OpenAsync("postgres", clock);
        await spend.AddAsync(Workspace, 1_000, BudgetWindow.Total);
        var first = await spend.StartAsync();
        var held = (await first.HoldAsync(Given.Key(), 100)).Value;
        var second = await spend.StartAsync();
        for (var silent = 0; silent <= 21; silent++)
        {
            clock.Advance(TimeSpan.FromSeconds(1));
            await second.Keeper.RenewAsync(default);
        }

        var lost = (await spend.Operator.ListAsync(default)).Single().Lost.Value;
        lost.ShouldBeGreaterThanOrEqualTo(100);
        var resumed = first.HoldAsync(Given.Key(), 10);
        resumed.IsCompleted.ShouldBeFalse("out of touch, it may not spend what it leased");
        await first.Keeper.RenewAsync(default);
        (await resumed).Fault.ShouldBeNull();
        (await spend.LeasesAsync()).Count.ShouldBe(2);
        await first.SettleAsync(held, 60);
        await first.Ledger.Desk.DrainAsync(default);
        var listed = (await spend.Operator.ListAsync(default)).Single();
        listed.Lost.ShouldBe(NanoUsd.Zero);
        listed.Settled.ShouldBe(new NanoUsd(60));
        (await second.HoldAsync(Given.Key(), 931)).Fault!.Code.ShouldBe("insufficient_quota");
        (await second.HoldAsync(Given.Key(), 930)).Fault.ShouldBeNull();
        (await spend.Check.RunAsync(DateTimeOffset.UnixEpoch, default)).ShouldBeEmpty();
    }

    [Fact]
    public async Task On_PostgreSQL_a_silent_process_is_dead_after_a_while_and_a_living_one_is_not()
    {
        var clock = new ManualClock(DateTimeOffset.UtcNow);
        await using var spend = await StoredSpend.OpenAsync("postgres", clock);
        await spend.AddAsync(Workspace, 1_000);
        var first = await spend.StartAsync();
        await first.HoldAsync(Given.Key(), 100);
        var second = await spend.StartAsync();
        (await spend.LeasesAsync()).ShouldAllBe(l => !l.Closed);
        for (var round = 0; round < 60; round++)
        {
            clock.Advance(TimeSpan.FromSeconds(1));
            await first.Keeper.RenewAsync(default);
            await second.Keeper.RenewAsync(default);
        }

        for (var silent = 0; silent <= 20; silent++)
        {
            (await spend.LeasesAsync()).ShouldAllBe(l => !l.Closed);
            clock.Advance(TimeSpan.FromSeconds(1));
            await second.Keeper.RenewAsync(default);
        }

        (await spend.LeasesAsync()).ShouldHaveSingleItem().Closed.ShouldBeTrue();
    }

    [Theory]
    [InlineData("sqlite")]
    [InlineData("postgres")]
    public async Task A_breach_is_raised_in_the_log_of_the_budgets_owner(string dialect)
    {
        await using var spend = await StoredSpend.OpenAsync(dialect);
        await spend.AddAsync(Organization, 1_000);
        var id = await spend.AddAsync(Workspace, 1_000);
        var process = await spend.StartAsync();
        await process.SettleAsync((await process.HoldAsync(Given.Key(), 100)).Value, 150);
        await process.Keeper.AnnounceBreachesAsync(default);
        await process.Keeper.AnnounceBreachesAsync(default);
        var breaches = spend.Events.Heard.Where(e => e.Type == "budget.breach").ToList();
        breaches.Count.ShouldBe(2);
        var ofWorkspace = breaches.Single(e => e.Resource!.Id == id);
        ofWorkspace.Tenant.ShouldBe(new Tenant(Given.Organization, Given.Workspace));
        ofWorkspace.Changes.ShouldHaveSingleItem().To.ShouldBe("0.000000050");
        breaches.Single(e => e.Resource!.Id != id).Log.ShouldBe(EventLog.Organization);
    }

    [Theory]
    [InlineData("sqlite")]
    [InlineData("postgres")]
    public async Task Extensions_and_flushes_of_many_budgets_run_beside_each_other(string dialect)
    {
        await using var spend = await StoredSpend.OpenAsync(dialect);
        for (var i = 0; i < 40; i++)
        {
            await spend.AddAsync(BudgetSubject.Key(Given.Workspace, $"key_{i}"), 100_000);
        }

        await spend.AddAsync(Workspace, 40 * 100_000);
        var process = await spend.StartAsync();
        var callers = Enumerable.Range(0, 40).Select(i => Given.Key($"key_{i}")).ToArray();
        await Task.WhenAll(Enumerable.Range(0, 4_000).Select(i => Task.Run(async () =>
        {
            var hold = (await process.HoldAsync(callers[i % 40], 900)).Value;
            await process.SettleAsync(hold, 800);
        })));
        (await spend.Check.RunAsync(DateTimeOffset.UnixEpoch, default)).ShouldBeEmpty();
        (await spend.LeasesAsync()).Sum(l => l.SettledNano).ShouldBe(2 * 4_000 * 800L);
    }
}
