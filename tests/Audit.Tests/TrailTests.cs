using Crew.Kernel;
using Crew.Sealing;
using Crew.Storage;

namespace Crew.Audit.Tests;

public sealed class TrailTests
{
    [Theory]
    [InlineData("sqlite")]
    [InlineData("postgres")]
    public async Task A_record_commits_with_its_change(string dialect)
    {
        await using var bed = await AuditBed.StartAsync(dialect);
        var origin = bed.ByKey();
        (await bed.RaiseAsync(bed.Acme, origin, new Event("api_key.created", new Resource("api_key", "key_1", "Billing"))
        {
            CrewId = "crew_1",
            Changes = [new FieldChange("name", null, "Billing"), new FieldChange("limit", 1, 2L)],
        })).Fault.ShouldBeNull();

        var record = (await bed.ListAsync(bed.Acme)).ShouldHaveSingleItem();
        record.EventType.ShouldBe("api_key.created");
        record.Actor.ShouldBe(new("api_key", origin.Actor.Id, null, "wxyz"));
        record.WorkspaceId.ShouldBe(bed.Acme.WorkspaceId);
        record.CrewId.ShouldBe("crew_1");
        record.Resource.ShouldBe(new("api_key", "key_1", "Billing"));
        record.Changes.GetRawText().ShouldBe("""[{"field":"name","from":null,"to":"Billing"},{"field":"limit","from":1,"to":2}]""");
        (record.IpAddress, record.UserAgent, record.RequestId).ShouldBe(("203.0.113.7", "test/1.0", origin.RequestId));
        (record.Outcome, record.Reason, record.Sequence).ShouldBe(("success", null, dialect == "sqlite" ? 1 : null));
    }

    [Theory]
    [InlineData("sqlite")]
    [InlineData("postgres")]
    public async Task A_record_rolls_back_with_its_change(string dialect)
    {
        await using var bed = await AuditBed.StartAsync(dialect);
        var refused = await bed.Store.ChangeAsync<bool>(bed.Acme, bed.ByKey(), db =>
        {
            db.Raise(new Event("api_key.created"));
            return Task.FromResult<Outcome<bool>>(Faults.VersionConflict);
        });
        refused.Fault.ShouldBe(Faults.VersionConflict);
        await Should.ThrowAsync<InvalidOperationException>(() => bed.Store.ChangeAsync<bool>(bed.Acme, bed.ByKey(), db =>
        {
            db.Raise(new Event("api_key.created"));
            throw new InvalidOperationException("a bug");
        }));

        (await bed.RecordsAsync()).ShouldBeEmpty();
    }

    [Theory]
    [InlineData("sqlite")]
    [InlineData("postgres")]
    public async Task The_use_of_a_credential_goes_along_with_the_change_it_made(string dialect)
    {
        await using var bed = await AuditBed.StartAsync(dialect);
        var origin = bed.ByKey();
        origin.Owe(new Event("api_key.used", new Resource("endpoint", "POST /v1/crews")) { WithoutPlace = true });
        await bed.RaiseAsync(bed.Acme, origin, new Event("crew.created"));

        var records = await bed.ListAsync(bed.Acme);
        records.Select(r => r.EventType).ShouldBe(["api_key.used", "crew.created"], ignoreOrder: true);
        records.Single(r => r.EventType == "api_key.used").IpAddress.ShouldBeNull("zero-logging leaves the place out of uses");
        records.Single(r => r.EventType == "crew.created").IpAddress.ShouldBe("203.0.113.7");
        origin.TakeAccess().ShouldBeNull();
    }

    [Theory]
    [InlineData("sqlite")]
    [InlineData("postgres")]
    public async Task Each_event_finds_its_log(string dialect)
    {
        await using var bed = await AuditBed.StartAsync(dialect);
        await bed.RaiseAsync(bed.Acme, bed.ByKey(), new Event("crew.created"), new Event("workspace.created") { Log = EventLog.Organization });
        await bed.Store.ChangeAsync<bool>(SystemJob.Provision, Origin.System, db =>
        {
            db.Raise(new Event("workspace.suspended") { Tenant = bed.Acme });
            db.Raise(new Event("operator.key.created") { Log = EventLog.Installation });
            return Task.FromResult<Outcome<bool>>(true);
        });
        await bed.UseAsync(null, bed.ByKey(), new Event("auth.failed") { Outcome = "denied" });

        var logs = (await bed.RecordsAsync()).ToDictionary(r => r.EventType, r => r.LogId);
        logs["crew.created"].ShouldBe(bed.Acme.WorkspaceId);
        logs["workspace.created"].ShouldBe(bed.Acme.OrganizationId);
        logs["workspace.suspended"].ShouldBe(bed.Acme.WorkspaceId);
        logs["operator.key.created"].ShouldBe("installation");
        logs["auth.failed"].ShouldBe("installation");
    }

    [Fact]
    public async Task An_event_of_the_installation_in_a_tenants_transaction_is_a_bug()
    {
        await using var bed = await AuditBed.StartAsync("sqlite");
        await Should.ThrowAsync<InvalidOperationException>(() =>
            bed.RaiseAsync(bed.Acme, bed.ByKey(), new Event("operator.key.created") { Log = EventLog.Installation }));
    }

    [Theory]
    [InlineData("sqlite")]
    [InlineData("postgres")]
    public async Task Text_that_a_database_refuses_never_costs_a_record(string dialect)
    {
        await using var bed = await AuditBed.StartAsync(dialect);
        var agent = new string('a', 255) + "😀";
        var origin = new Origin(new Actor("user", "user_1") { Email = "a\0@b" }, "::1", agent, null);
        (await bed.RaiseAsync(bed.Acme, origin, new Event("user.updated", new Resource("user", "user_1", "half \ud83d pair"))
        {
            Changes = [new FieldChange("na\0me", "\udc00", "ok")],
        })).Fault.ShouldBeNull();

        await bed.SequenceAllAsync();
        var record = (await bed.ListAsync(bed.Acme)).ShouldHaveSingleItem();
        record.Actor.Email.ShouldBe("a\ufffd@b");
        record.Resource!.Name.ShouldBe("half \ufffd pair");
        record.UserAgent.ShouldBe(new string('a', 255) + "\ufffd");
        record.Changes.GetRawText().ShouldBe("[{\"field\":\"na\ufffdme\",\"from\":\"\ufffd\",\"to\":\"ok\"}]");
        record.Sequence.ShouldBe(1);
    }

    [Fact]
    public async Task Personal_fields_are_nowhere_in_clear()
    {
        await using var bed = await AuditBed.StartAsync("sqlite");
        await bed.UseAsync(bed.Acme, new Origin(new Actor("user", "user_1") { Email = "ada@example.com" }, "198.51.100.23", "Canary/9", null));
        var record = (await bed.RecordsAsync()).ShouldHaveSingleItem();
        var text = System.Text.Encoding.Latin1.GetString(record.Personal!) + record.IpHash + record.Changes + record.ActorId;
        text.ShouldNotContain("ada@example.com");
        text.ShouldNotContain("198.51.100.23");
        text.ShouldNotContain("Canary/9");
        bed.Seal.Open(record).ShouldBe(new Personal("ada@example.com", "198.51.100.23", "Canary/9"));
    }

    [Fact]
    public async Task A_destroyed_key_takes_the_person_and_leaves_the_record()
    {
        await using var bed = await AuditBed.StartAsync("sqlite");
        await bed.UseAsync(bed.Acme, bed.ByKey());
        bed.Ring.Forget(KeyScope.Workspace, bed.Acme.WorkspaceId!);
        (await bed.ListAsync(bed.Acme)).ShouldHaveSingleItem().IpAddress.ShouldBeNull();
    }

    [Fact]
    public async Task A_workspace_whose_key_is_not_here_yet_is_sealed_by_the_installation()
    {
        await using var bed = await AuditBed.StartAsync("sqlite");
        var young = new Tenant(bed.Acme.OrganizationId, Id.New(IdPrefix.Workspace, bed.Clock));
        await bed.UseAsync(young, bed.ByKey("192.0.2.9"));
        (await bed.ListAsync(young, new AuditFilter { Ip = "192.0.2.9" })).ShouldHaveSingleItem().IpAddress.ShouldBe("192.0.2.9");
    }
}
