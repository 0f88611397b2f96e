using Crew.Kernel;
using Microsoft.EntityFrameworkCore;

namespace Crew.Audit.Tests;

public sealed class IsolationTests
{
    [Theory]
    [InlineData("sqlite")]
    [InlineData("postgres")]
    public async Task Another_tenants_records_never_appear(string dialect)
    {
        await using var bed = await AuditBed.StartAsync(dialect);
        var shared = AuditBed.By(Id.New(IdPrefix.ApiKey, bed.Clock), "203.0.113.7", Id.New(IdPrefix.Request, bed.Clock));
        foreach (var tenant in new[] { bed.Acme, bed.Neighbour, bed.Other })
        {
            await bed.UseAsync(tenant, shared);
            await bed.RaiseAsync(tenant, shared, new Event("crew.updated", new Resource("crew", "crew_same")),
                new Event("workspace.created", new Resource("workspace", "ws_same")) { Log = EventLog.Organization });
        }

        await bed.UseAsync(null, shared, new Event("auth.failed"));
        await bed.SequenceAllAsync();
        AuditFilter[] filters =
        [
            new(), new() { KeyId = shared.Actor.Id }, new() { ActorId = shared.Actor.Id }, new() { RequestId = shared.RequestId },
            new() { ResourceId = "crew_same" }, new() { EventTypes = ["crew.updated"] }, new() { Ip = "203.0.113.7" }, new() { Outcome = "success" },
        ];
        foreach (var filter in filters)
        {
            var seen = await bed.ListAsync(bed.Acme, filter);
            seen.ShouldNotBeEmpty();
            seen.ShouldAllBe(r => r.WorkspaceId == bed.Acme.WorkspaceId);
        }

        var above = await bed.ListAsync(bed.Acme, new AuditFilter { Log = EventLog.Organization });
        above.Count.ShouldBe(2, "both workspaces of the organization have written to its log");
        above.ShouldAllBe(r => r.WorkspaceId == null && r.EventType == "workspace.created");
    }

    [Theory]
    [InlineData("sqlite")]
    [InlineData("postgres")]
    public async Task Another_tenants_record_is_not_found_by_its_id(string dialect)
    {
        await using var bed = await AuditBed.StartAsync(dialect);
        var own = await bed.UseAsync(bed.Acme, bed.ByKey());
        var foreign = await bed.UseAsync(bed.Other, bed.ByKey());
        var beside = await bed.UseAsync(bed.Neighbour, bed.ByKey());
        var above = await bed.UseAsync(bed.Acme, bed.ByKey(), new Event("workspace.created") { Log = EventLog.Organization });

        (await bed.Reader.FindAsync(bed.Acme, own, false, CancellationToken.None)).ShouldNotBeNull();
        (await bed.Reader.FindAsync(bed.Acme, foreign, true, CancellationToken.None)).ShouldBeNull();
        (await bed.Reader.FindAsync(bed.Acme, beside, true, CancellationToken.None)).ShouldBeNull();
        (await bed.Reader.FindAsync(bed.Acme, above, false, CancellationToken.None)).ShouldBeNull();
        (await bed.Reader.FindAsync(bed.Acme, above, true, CancellationToken.None)).ShouldNotBeNull();
        (await bed.Reader.FindAsync(bed.Acme, "log_nonsense", true, CancellationToken.None)).ShouldBeNull();
    }

    [Fact]
    public async Task On_PostgreSQL_row_level_security_holds_with_the_filters_off()
    {
        await using var bed = await AuditBed.StartAsync("postgres");
        foreach (var tenant in new[] { bed.Acme, bed.Neighbour, bed.Other })
        {
            await bed.UseAsync(tenant, bed.ByKey());
            await bed.UseAsync(tenant, bed.ByKey(), new Event("workspace.created") { Log = EventLog.Organization });
        }

        await bed.UseAsync(null, bed.ByKey());
        await bed.SequenceAllAsync();
        (await bed.RecordsAsync()).Count.ShouldBe(7);

        var (records, leaves) = await bed.Store.ReadAsync(bed.Acme, async db =>
            (await db.Set<AuditRecord>().IgnoreQueryFilters(["tenant"]).ToListAsync(), await db.Set<AuditLeaf>().ToListAsync()));
        records.ShouldAllBe(r => r.OrganizationId == bed.Acme.OrganizationId && (r.WorkspaceId == null || r.WorkspaceId == bed.Acme.WorkspaceId));
        records.Count.ShouldBe(3);
        leaves.Select(l => l.LogId).Distinct().ShouldBe([bed.Acme.WorkspaceId, bed.Acme.OrganizationId], ignoreOrder: true);
        leaves.Count.ShouldBe(3);
    }

    [Theory]
    [InlineData("UPDATE audit_records SET outcome = 'success'")]
    [InlineData("DELETE FROM audit_records")]
    [InlineData("INSERT INTO audit_leaves VALUES ('x', 1, 'y', '', 0)")]
    [InlineData("UPDATE audit_leaves SET sequence = 9")]
    [InlineData("SELECT * FROM audit_sequencer")]
    [InlineData("SELECT * FROM audit_records_rest")]
    [InlineData("SELECT audit_drop_days(0)")]
    public async Task On_PostgreSQL_no_tenants_transaction_rewrites_the_log(string sql)
    {
        await using var bed = await AuditBed.StartAsync("postgres");
        await Should.ThrowAsync<Npgsql.PostgresException>(() => bed.Store.ReadAsync(bed.Acme, db => db.Database.ExecuteSqlRawAsync(sql)));
    }
}
