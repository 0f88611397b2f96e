using Crew.Audit.Contracts;
using Crew.Kernel;
using Crew.Storage;

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
        (await bed.ExpireAsync()).ShouldBe((2 * 5) + 2);

        var left = await bed.RecordsAsync();
        left.Count(r => r.EventType is "api_key.used" or "token.used").ShouldBe(4);
        left.Count(r => r.EventType == "crew.updated").ShouldBe(5);
        var receipt = left.Single(r => r.EventType == "retention.applied");
        receipt.LogId.ShouldBe(bed.Acme.WorkspaceId, "the receipt stands in the log that it is about");
        var (uses, records) = (Timestamp.ToText(today.AddDays(-30).Date), Timestamp.ToText(today.AddDays(-365).Date));
        receipt.Changes.ShouldBe(
            """[{"field":"records.removed","from":null,"to":2},{"field":"records.before","from":null,"to":"RECORDS"},"""
            .Replace("RECORDS", records, StringComparison.Ordinal)
            + """{"field":"uses.removed","from":null,"to":10},{"field":"uses.before","from":null,"to":"USES"}]""".Replace("USES", uses, StringComparison.Ordinal));
        await bed.SequenceAllAsync();
        (await bed.LeavesAsync()).Count.ShouldBe(22, "those of the removed records, and the receipt's");
        (await bed.ExpireAsync()).ShouldBe(0, "a second run finds nothing, and reports nothing");
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
        (await bed.ExpireAsync()).ShouldBe(0);
        (await bed.RecordsAsync()).Count.ShouldBe(1);

        await bed.SequenceAllAsync();
        (await bed.ExpireAsync()).ShouldBe(1);
    }

    [Theory]
    [InlineData("sqlite")]
    [InlineData("postgres")]
    public async Task Expiry_goes_on_over_many_steps(string dialect)
    {
        await using var bed = await AuditBed.StartAsync(dialect);
        var today = bed.Clock.Now;
        bed.Clock.Now = today.AddDays(-40);
        await Task.WhenAll(Enumerable.Range(0, (ExpiryRun.StepRows * 2) + 10).Select(n =>
            bed.UseAsync(bed.Acme, bed.ByKey(), new Event(n % 3 == 0 ? "crew.updated" : "api_key.used"))));
        await bed.SequenceAllAsync();
        bed.Clock.Now = today;
        (await bed.ExpireAsync()).ShouldBe(273);
        (await bed.RecordsAsync()).Count(r => r.EventType == "crew.updated").ShouldBe(137);
    }

    [Fact]
    public async Task On_PostgreSQL_days_are_made_ahead_and_expired_days_are_dropped_whole()
    {
        await using var bed = await AuditBed.StartAsync("postgres");
        await DayPartitions.MakeAsync(bed.Run(), 20, CancellationToken.None);
        await DayPartitions.MakeAsync(bed.Run(), 20, CancellationToken.None);
        (await PartitionProbe.CountAsync(bed.Store)).ShouldBe(22 + 1, "a second run makes nothing twice");

        await bed.UseAsync(bed.Acme, bed.ByKey());
        await bed.SequenceAllAsync();
        bed.Clock.Now = bed.Clock.Now.AddDays(370);
        (await bed.ExpireAsync()).ShouldBe(1);
        (await bed.RecordsAsync()).ShouldHaveSingleItem().EventType.ShouldBe("retention.applied");
        (await PartitionProbe.CountAsync(bed.Store)).ShouldBe(23 - 6);
    }

    [Theory]
    [InlineData("sqlite")]
    [InlineData("postgres")]
    public async Task Each_workspace_keeps_its_records_as_long_as_it_says(string dialect)
    {
        await using var bed = await AuditBed.StartAsync(dialect);
        var today = bed.Clock.Now;
        foreach (var age in new[] { 1_000, 500, 200, 20 })
        {
            bed.Clock.Now = today.AddDays(-age);
            await bed.UseAsync(bed.Acme, bed.ByKey());
            await bed.UseAsync(bed.Neighbour, bed.ByKey());
            await bed.RaiseAsync(bed.Acme, bed.ByKey(), new Event("crew.updated"));
            await bed.RaiseAsync(bed.Neighbour, bed.ByKey(), new Event("crew.updated"));
        }

        bed.Clock.Now = today;
        await bed.SequenceAllAsync();
        if (dialect == "postgres")
        {
            await DayPartitions.MakeAsync(bed.Run(), 1, CancellationToken.None);
        }

        await bed.ExpireAsync(new RetentionTerms(bed.Acme, 7, 90, 365), new RetentionTerms(bed.Neighbour, 3_650, 600, 365));
        var left = (await bed.RecordsAsync()).Where(r => r.EventType != "retention.applied").ToLookup(r => (r.WorkspaceId, r.EventType));
        left[(bed.Acme.WorkspaceId, "api_key.used")].Count().ShouldBe(0);
        left[(bed.Acme.WorkspaceId, "crew.updated")].Count().ShouldBe(1);
        left[(bed.Neighbour.WorkspaceId, "api_key.used")].Count().ShouldBe(4);
        left[(bed.Neighbour.WorkspaceId, "crew.updated")].Count().ShouldBe(3);
    }

    [Fact]
    public async Task A_run_that_was_killed_before_its_receipts_has_them_written_by_the_next()
    {
        await using var bed = await AuditBed.StartAsync("sqlite");
        var today = bed.Clock.Now;
        bed.Clock.Now = today.AddDays(-40);
        await bed.UseAsync(bed.Acme, bed.ByKey());
        bed.Clock.Now = today;
        await new AuditExpiry(new AuditOptions()).RunAsync(bed.Run(), CancellationToken.None);
        await bed.RestartAsync();
        (await bed.ExpireAsync()).ShouldBe(0);
        (await bed.RecordsAsync()).ShouldHaveSingleItem().Changes!.ShouldContain("""{"field":"uses.removed","from":null,"to":1}""");
    }
}
