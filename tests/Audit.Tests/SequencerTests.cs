using Crew.Kernel;
using Crew.Storage;

namespace Crew.Audit.Tests;

public sealed class SequencerTests
{
    [Theory]
    [InlineData("sqlite")]
    [InlineData("postgres")]
    public async Task Every_record_gets_one_place_without_gaps_while_others_write(string dialect)
    {
        await using var bed = await AuditBed.StartAsync(dialect);
        Tenant[] tenants = [bed.Acme, bed.Neighbour, bed.Other];
        using var done = new CancellationTokenSource();
        var sequencers = Enumerable.Range(0, 3).Select(_ => Task.Run(async () =>
        {
            while (!done.IsCancellationRequested)
            {
                (await bed.Sequencer.StepAsync(37, CancellationToken.None)).Fault.ShouldBeNull();
            }
        })).ToArray();
        await Task.WhenAll(Enumerable.Range(0, 8).Select(writer => Task.Run(async () =>
        {
            for (var n = 0; n < 60; n++)
            {
                var tenant = tenants[(writer + n) % tenants.Length];
                if (n % 4 == 0)
                {
                    (await bed.RaiseAsync(tenant, bed.ByKey(), new Event("crew.updated"), new Event("crew.created") { Log = EventLog.Organization }))
                        .Fault.ShouldBeNull();
                }
                else
                {
                    await bed.UseAsync(tenant, bed.ByKey());
                }
            }
        })));
        await done.CancelAsync();
        await Task.WhenAll(sequencers);
        await bed.SequenceAllAsync();

        var records = await bed.RecordsAsync();
        var leaves = await bed.LeavesAsync();
        records.Count.ShouldBe((8 * 45) + (8 * 15 * 2));
        leaves.Count.ShouldBe(records.Count);
        leaves.Select(l => l.RecordId).ShouldBe(records.Select(r => r.Id), ignoreOrder: true);
        var byId = records.ToDictionary(r => r.Id);
        foreach (var log in leaves.GroupBy(l => l.LogId))
        {
            log.Select(l => l.Sequence).ShouldBe(Enumerable.Range(1, log.Count()).Select(n => (long)n));
            log.ShouldAllBe(l => byId[l.RecordId].LogId == log.Key && Leaf.Hash(byId[l.RecordId], l.Sequence).SequenceEqual(l.LeafHash));
        }

        leaves.Select(l => l.LogId).Distinct().Count().ShouldBe(5);
    }

    [Theory]
    [InlineData("sqlite")]
    [InlineData("postgres")]
    public async Task A_crash_between_steps_repeats_nothing_and_loses_nothing(string dialect)
    {
        await using var bed = await AuditBed.StartAsync(dialect);
        for (var n = 0; n < 20; n++)
        {
            await bed.UseAsync(bed.Acme, bed.ByKey());
        }

        await bed.LoseLeavesAsync();
        (await bed.StepAsync(7)).ShouldBe(7);
        var before = await bed.LeavesAsync();
        await bed.RestartAsync();
        await bed.SequenceAllAsync();

        var after = await bed.LeavesAsync();
        after.Select(l => l.Sequence).ShouldBe(Enumerable.Range(1, 20).Select(n => (long)n));
        after.Take(7).Select(l => l.RecordId).ShouldBe(before.Select(l => l.RecordId));
        (await bed.Sequencer.StepAsync(7, CancellationToken.None)).Value.ShouldBe(0);
    }

    [Theory]
    [InlineData("sqlite")]
    [InlineData("postgres")]
    public async Task A_crash_inside_a_step_leaves_nothing_of_it(string dialect)
    {
        await using var bed = await AuditBed.StartAsync(dialect);
        await bed.UseAsync(bed.Acme, bed.ByKey());
        await bed.LoseLeavesAsync();
        await Should.ThrowAsync<InvalidOperationException>(() => bed.Store.ChangeAsync<bool>(SystemJob.AuditSequence, Origin.System, async db =>
        {
            if (dialect == "sqlite")
            {
                var (last, pending) = await SequencerRead.BehindPositionAsync(db, 10, CancellationToken.None);
                (await SequencerAppend.MoveAsync(db, last, pending[^1])).ShouldBeTrue();
            }
            else
            {
                var mark = (await SequencerRead.TryLeadAsync(db, CancellationToken.None)).ShouldNotBeNull();
                List<PendingRecord> pending;
                while ((pending = await SequencerRead.BehindMarkAsync(db, mark, 10, CancellationToken.None)).Count == 0)
                {
                    await Task.Delay(20);
                }

                await SequencerAppend.MoveAsync(db, mark, pending, CancellationToken.None);
            }

            throw new InvalidOperationException("the process dies here");
        }));

        (await bed.LeavesAsync()).ShouldBeEmpty();
        await bed.SequenceAllAsync();
        (await bed.LeavesAsync()).ShouldHaveSingleItem().Sequence.ShouldBe(1);
    }

    [Fact]
    public async Task On_PostgreSQL_nothing_overtakes_a_transaction_that_is_still_running()
    {
        await using var bed = await AuditBed.StartAsync("postgres");
        var entered = new TaskCompletionSource();
        var release = new TaskCompletionSource();
        var slow = Task.Run(() => bed.Store.ChangeAsync<bool>(bed.Acme, bed.ByKey(), async db =>
        {
            // A row is written early, so this transaction has its id before the next one does.
            db.Touch("test", "one");
            await SequencerProbe.TakeTransactionIdAsync(db);
            db.Raise(new Event("crew.created"));
            entered.SetResult();
            await release.Task;
            return true;
        }));
        await await Task.WhenAny(entered.Task, slow);
        entered.Task.IsCompleted.ShouldBeTrue("the slow change ended before it began");
        await bed.UseAsync(bed.Acme, bed.ByKey());

        (await bed.Sequencer.StepAsync(10, CancellationToken.None)).Value.ShouldBe(0);
        release.SetResult();
        (await slow).Fault.ShouldBeNull();
        await bed.SequenceAllAsync();

        var leaves = await bed.LeavesAsync();
        var records = (await bed.RecordsAsync()).ToDictionary(r => r.Id);
        leaves.Select(l => records[l.RecordId].EventType).ShouldBe(["crew.created", "api_key.used"]);
    }

    [Fact]
    public async Task On_PostgreSQL_a_node_that_does_not_lead_does_nothing()
    {
        await using var bed = await AuditBed.StartAsync("postgres");
        await bed.UseAsync(bed.Acme, bed.ByKey());
        (await bed.Store.ChangeAsync<bool>(SystemJob.AuditSequence, Origin.System, async db =>
        {
            (await SequencerRead.TryLeadAsync(db, CancellationToken.None)).ShouldNotBeNull();
            (await bed.Sequencer.StepAsync(10, CancellationToken.None)).Value.ShouldBe(0);
            return true;
        })).Fault.ShouldBeNull();
        (await bed.StepAsync(10)).ShouldBe(1);
    }

    [Fact]
    public async Task On_SQLite_leaves_of_a_mark_that_moved_meanwhile_are_dropped()
    {
        await using var bed = await AuditBed.StartAsync("sqlite");
        await bed.UseAsync(bed.Acme, bed.ByKey());
        await bed.LoseLeavesAsync();
        var (last, pending) = await bed.Store.ReadAsync(SystemJob.AuditSequence, db => SequencerRead.BehindPositionAsync(db, 10, CancellationToken.None));
        await bed.SequenceAllAsync();
        (await bed.Store.ChangeAsync<bool>(SystemJob.AuditSequence, Origin.System, async db => await SequencerAppend.MoveAsync(db, last, pending[^1])))
            .Value.ShouldBeFalse();
    }

    [Fact]
    public async Task On_SQLite_a_record_and_its_leaf_commit_together()
    {
        await using var bed = await AuditBed.StartAsync("sqlite");
        var use = await bed.UseAsync(bed.Acme, bed.ByKey());
        (await bed.RaiseAsync(bed.Acme, bed.ByKey(), new Event("crew.updated"), new Event("crew.created") { Log = EventLog.Organization }))
            .Fault.ShouldBeNull();

        var leaves = await bed.LeavesAsync();
        leaves.Count.ShouldBe(3);
        leaves.Where(l => l.LogId == bed.Acme.WorkspaceId).Select(l => l.Sequence).ShouldBe([1, 2]);
        leaves.Single(l => l.RecordId == use).Sequence.ShouldBe(1);
        var records = (await bed.RecordsAsync()).ToDictionary(r => r.Id);
        leaves.ShouldAllBe(l => Leaf.Hash(records[l.RecordId], l.Sequence).SequenceEqual(l.LeafHash));
        (await bed.Sequencer.StepAsync(10, CancellationToken.None)).Value.ShouldBe(0);
    }

    [Fact]
    public async Task On_SQLite_a_change_that_is_rolled_back_gives_its_numbers_back()
    {
        await using var bed = await AuditBed.StartAsync("sqlite");
        var record = bed.Trail.Build(bed.Acme, bed.ByKey(), new Event("crew.updated"), null);
        var (before, twice, after) = (bed.UseAsync(bed.Acme, bed.ByKey()), AppendTwiceAsync(bed, record), bed.UseAsync(bed.Acme, bed.ByKey()));
        await Task.WhenAll(before, twice, after);

        (await twice).ShouldNotBeNull("the second of two leaves of one record is refused");
        (await bed.RecordsAsync()).Select(r => r.Id).ShouldBe([await before, await after], ignoreOrder: true);
        (await bed.LeavesAsync()).Select(l => l.Sequence).ShouldBe([1, 2]);
        await bed.UseAsync(bed.Acme, bed.ByKey());
        (await bed.LeavesAsync()).Select(l => l.Sequence).ShouldBe([1, 2, 3]);
    }

    [Fact]
    public async Task On_SQLite_a_backlog_keeps_its_place_before_what_comes_after_it()
    {
        await using var bed = await AuditBed.StartAsync("sqlite");
        var first = await bed.UseAsync(bed.Acme, bed.ByKey());
        await bed.LoseLeavesAsync();
        var second = await bed.UseAsync(bed.Acme, bed.ByKey());
        (await bed.LeavesAsync()).ShouldBeEmpty("a record without its leaf stands before it");

        await bed.SequenceAllAsync();
        var third = await bed.UseAsync(bed.Acme, bed.ByKey());
        (await bed.LeavesAsync()).Select(l => (l.Sequence, l.RecordId)).ShouldBe([(1, first), (2, second), (3, third)]);
    }

    private static async Task<Exception?> AppendTwiceAsync(AuditBed bed, AuditRow record)
    {
        try
        {
            var outcome = await bed.Store.ChangeAsync<bool>(bed.Acme, bed.ByKey(), db =>
            {
                db.Append(record);
                db.Append(record);
                return Task.FromResult<Outcome<bool>>(true);
            });
            return outcome.Fault is { } fault ? new InvalidOperationException(fault.Code) : null;
        }
        catch (InvalidOperationException refused)
        {
            return refused;
        }
    }
}
