using Crew.Audit.Contracts;
using Crew.Kernel;

namespace Crew.Audit.Tests;

public sealed class RetentionTests
{
    [Theory]
    [InlineData("sqlite")]
    [InlineData("postgres")]
    public async Task Records_go_at_their_age_and_leaves_stay(string dialect)
    {
        await using var bed = await AuditBed.StartAsync(dialect);
        var today = bed.Clock.Now;
        foreach (var age in new[] { 400, 366, 364, 40, 31, 29, 0 })
        {
            bed.Clock.Now = today.AddDays(-age);
            await bed.UseAsync(bed.Acme, bed.ByKey());
            await bed.UseAsync(bed.Acme, bed.ByKey(), new Event("token.used"));
            await bed.RaiseAsync(bed.Acme, bed.ByKey(), new Event("crew.updated"));
            await bed.SequenceAllAsync();
        }

        bed.Clock.Now = today;
        (await bed.UpkeepOf(new AuditOptions()).ExpireAsync(CancellationToken.None)).Value.ShouldBe((2 * 5) + 2);

        var left = await bed.RecordsAsync();
        left.Count(r => r.EventType is "api_key.used" or "token.used").ShouldBe(4);
        left.Count(r => r.EventType == "crew.updated").ShouldBe(5);
        var receipt = left.Single(r => r.EventType == "retention.applied");
        (receipt.LogId, receipt.Changes).ShouldBe(("installation", """[{"field":"removed","from":null,"to":12}]"""));
        await bed.SequenceAllAsync();
        (await bed.LeavesAsync()).Count.ShouldBe(22, "those of the removed records, and the receipt's");
        (await bed.UpkeepOf(new AuditOptions()).ExpireAsync(CancellationToken.None)).Value.ShouldBe(0, "a second run finds nothing, and reports nothing");
    }

    [Theory]
    [InlineData("sqlite")]
    [InlineData("postgres")]
    public async Task A_record_without_its_leaf_is_kept(string dialect)
    {
        await using var bed = await AuditBed.StartAsync(dialect);
        var today = bed.Clock.Now;
        bed.Clock.Now = today.AddDays(-500);
        await bed.UseAsync(bed.Acme, bed.ByKey());
        await bed.LoseLeavesAsync();
        bed.Clock.Now = today;
        var upkeep = bed.UpkeepOf(new AuditOptions());
        (await upkeep.ExpireAsync(CancellationToken.None)).Value.ShouldBe(0);
        (await bed.RecordsAsync()).Count.ShouldBe(1);

        await bed.SequenceAllAsync();
        (await upkeep.ExpireAsync(CancellationToken.None)).Value.ShouldBe(1);
    }

    [Theory]
    [InlineData("sqlite")]
    [InlineData("postgres")]
    public async Task Expiry_goes_on_over_many_steps(string dialect)
    {
        await using var bed = await AuditBed.StartAsync(dialect);
        var today = bed.Clock.Now;
        bed.Clock.Now = today.AddDays(-40);
        await Task.WhenAll(Enumerable.Range(0, (Upkeep.StepRecords * 2) + 10).Select(n =>
            bed.UseAsync(bed.Acme, bed.ByKey(), new Event(n % 3 == 0 ? "crew.updated" : "api_key.used"))));
        await bed.SequenceAllAsync();
        bed.Clock.Now = today;
        (await bed.UpkeepOf(new AuditOptions()).ExpireAsync(CancellationToken.None)).Value.ShouldBe(273);
        (await bed.RecordsAsync()).Count(r => r.EventType == "crew.updated").ShouldBe(137);
    }

    [Fact]
    public async Task On_PostgreSQL_days_are_made_ahead_and_expired_days_are_dropped_whole()
    {
        await using var bed = await AuditBed.StartAsync("postgres");
        var upkeep = bed.UpkeepOf(new AuditOptions { PartitionsAheadDays = 20 });
        (await upkeep.MakePartitionsAsync(CancellationToken.None)).Fault.ShouldBeNull();
        (await upkeep.MakePartitionsAsync(CancellationToken.None)).Fault.ShouldBeNull("a second run makes nothing twice");
        (await PartitionProbe.CountAsync(bed.Store)).ShouldBe(22 + 1);

        await bed.UseAsync(bed.Acme, bed.ByKey());
        await bed.SequenceAllAsync();
        bed.Clock.Now = bed.Clock.Now.AddDays(370);
        (await upkeep.ExpireAsync(CancellationToken.None)).Fault.ShouldBeNull();
        (await bed.RecordsAsync()).ShouldBeEmpty();
        (await bed.LeavesAsync()).Count.ShouldBe(1);
        (await PartitionProbe.CountAsync(bed.Store)).ShouldBe(23 - 6);
    }
}
