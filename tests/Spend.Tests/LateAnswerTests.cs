using Crew.Kernel;
using Crew.Spend.Contracts;
using Npgsql;

namespace Crew.Spend.Tests;

/// <summary>What comes late, or twice, from the database.</summary>
public sealed class LateAnswerTests
{
    private static readonly BudgetSubject Workspace = BudgetSubject.Workspace(Given.Workspace);

    [Fact]
    public async Task A_late_answer_to_an_epoch_that_is_over_leaves_the_next_one_alone()
    {
        var (clock, bank) = (Given.Clock(), new LeaseBank());
        var node = new Node(bank, clock, 1, isShared: true);
        node.Put(Given.Budget("b", Workspace, 1_000));
        var scope = node.Ledger.ScopeOf(Given.Key(), null, Given.Workspace);
        (await node.HoldAsync(scope, 100)).Value.Release();
        using var leaving = new CancellationTokenSource();
        var holding = node.Ledger.HoldAsync(scope, new HoldRequest(new NanoUsd(1_000), NanoUsd.Zero, 0, true), leaving.Token).AsTask();
        var late = node.Desk.TakeReady(ignoresPace: true);
        bank.Close(1, 1);
        await bank.WriteAsync(1, late, node.Desk.Peers, CancellationToken.None);
        late.ShouldHaveSingleItem().IsEpochOver.ShouldBeTrue();

        // The answer is on its way; meanwhile this process reported, heard that its epoch is over, and began another one.
        node.Ledger.BookOf(Given.Organization).Abandon();
        bank.Begin(2, clock.GetUtcNow().ToUnixTimeMilliseconds());
        node.Desk.Open(2);
        node.Desk.Renewed(clock.GetTimestamp());
        LeaseDesk.Apply(late);
        node.Desk.IsValid.ShouldBeTrue();

        // Who asked for the whole cap leaves, and gives back what may have been granted in the meantime.
        await leaving.CancelAsync();
        await ((Task)holding).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing | ConfigureAwaitOptions.ContinueOnCapturedContext);
        if (holding is { IsCompletedSuccessfully: true, Result: { Fault: null } granted })
        {
            granted.Value.Release();
        }

        (await node.HoldAsync(scope, 100)).Value.Release();
    }

    [Fact]
    public async Task Two_who_release_at_once_what_is_lost_report_it_once()
    {
        await using var spend = await StoredSpend.OpenAsync("postgres");
        var budget = await spend.AddAsync(Workspace, 1_000);
        var dead = await spend.StartAsync();
        _ = (await dead.HoldAsync(Given.Key(), 400)).Value;
        await using var source = NpgsqlDataSource.Create(spend.Connection!);
        await using (var close = source.CreateCommand("UPDATE spend_leases SET closed = true"))
        {
            await close.ExecuteNonQueryAsync();
        }

        var lost = (await spend.LeasesAsync()).Sum(l => l.LeasedNano - l.SettledNano);
        lost.ShouldBeGreaterThanOrEqualTo(400);
        await using var blocking = await source.OpenConnectionAsync();
        await using var transaction = await blocking.BeginTransactionAsync();
        await using (var block = new NpgsqlCommand("SELECT id FROM spend_leases FOR UPDATE", blocking, transaction))
        {
            await block.ExecuteNonQueryAsync();
        }

        var releases = Enumerable.Range(0, 2).Select(_ => spend.Operator.ReleaseLostAsync(budget, noServerRuns: false, Origin.System, default)).ToList();
        await WaitingAsync(source, 2);
        await transaction.RollbackAsync();
        (await Task.WhenAll(releases)).Sum(r => r.Value.Value).ShouldBe(lost);
        (await spend.LeasesAsync()).Sum(l => l.LeasedNano - l.SettledNano).ShouldBe(0);
    }

    private static async Task WaitingAsync(NpgsqlDataSource source, long count)
    {
        while (true)
        {
            await using var command = source.CreateCommand(
                "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'");
            if ((long)(await command.ExecuteScalarAsync())! >= count)
            {
                return;
            }

            await Task.Delay(10, TestContext.Current.CancellationToken);
        }
    }
}
