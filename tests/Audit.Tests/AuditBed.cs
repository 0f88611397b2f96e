using Crew.Audit.Contracts;
using Crew.Kernel;
using Crew.Sealing;
using Crew.Storage;
using Crew.Testing;
using Microsoft.EntityFrameworkCore;

namespace Crew.Audit.Tests;

/// <summary>A real database with the audit schema, two organizations with their keys, and the parts that work on it.</summary>
internal sealed class AuditBed : IAsyncDisposable
{
    private readonly StoreOptions _options;
    private static readonly StorageModel Model = new(new AuditPart());

    private AuditBed(StoreOptions options, SetClock clock)
    {
        (_options, Clock) = (options, clock);
        Acme = NewTenant();
        Other = NewTenant();
        Neighbour = new Tenant(Acme.OrganizationId, Id.New(IdPrefix.Workspace, clock));
        Ring = KeyRing.Begin(MasterKey.Generate(), clock.Now, out _);
        foreach (var tenant in new[] { Acme, Other })
        {
            Ring.Add(Ring.CreateOrganization(tenant.OrganizationId, clock.Now));
        }

        foreach (var tenant in new[] { Acme, Neighbour, Other })
        {
            Ring.Add(Ring.Create(KeyScope.Workspace, tenant.WorkspaceId!, KeyScope.Organization, tenant.OrganizationId, clock.Now));
        }

        Seal = new PersonalSeal(new Lazy<KeyRing>(Ring));
        Trail = new AuditTrail(Seal, clock);
        Store = Store.Open(options, Model, [Trail], clock);
    }

    public Store Store { get; private set; }

    public SetClock Clock { get; }

    public KeyRing Ring { get; }

    public PersonalSeal Seal { get; }

    public AuditTrail Trail { get; }

    public Sequencer Sequencer => new(Store);

    public AuditReader Reader => new(Store, Seal);

    public InstallationLog Installation => new(Store, Ring, Clock);

    public Tenant Acme { get; }

    /// <summary>Another workspace of the same organization.</summary>
    public Tenant Neighbour { get; }

    /// <summary>A workspace of another organization.</summary>
    public Tenant Other { get; }

    public static async Task<AuditBed> StartAsync(string dialect, SetClock? clock = null)
    {
        Assert.SkipUnless(dialect == "sqlite" || PostgresServer.IsAvailable, "PostgreSQL is not installed.");
        var bed = new AuditBed(new StoreOptions
        {
            DataFolder = Directory.CreateTempSubdirectory("crew-audit-").FullName,
            PostgresConnectionString = dialect == "postgres" ? await (await PostgresServer.SharedAsync()).CreateDatabaseAsync() : null,
        }, clock ?? new SetClock());
        (await bed.Store.MigrateAsync()).Fault.ShouldBeNull();
        (await bed.Store.StartAsync()).Fault.ShouldBeNull();
        return bed;
    }

    /// <summary>What a crash leaves: a new process on the same data.</summary>
    public async Task RestartAsync()
    {
        await Store.DisposeAsync();
        Store = Store.Open(_options, Model, [Trail], Clock);
        (await Store.StartAsync()).Fault.ShouldBeNull();
    }

    public static Origin By(string keyId, string ip = "203.0.113.7", string? requestId = null) =>
        new(new Actor("api_key", keyId) { KeyLast4 = "wxyz" }, ip, "test/1.0", requestId);

    public Origin ByKey(string ip = "203.0.113.7") => By(Id.New(IdPrefix.ApiKey, Clock), ip, Id.New(IdPrefix.Request, Clock));

    public async Task<Outcome<bool>> RaiseAsync(Tenant tenant, Origin origin, params Event[] events) =>
        await Store.ChangeAsync<bool>(tenant, origin, db =>
        {
            Array.ForEach(events, db.Raise);
            return Task.FromResult<Outcome<bool>>(true);
        });

    /// <summary>The record of a use, through the shared flush.</summary>
    public async Task<string> UseAsync(Tenant? tenant, Origin origin, Event? happened = null)
    {
        var work = new AppendWork();
        var row = Trail.Build(tenant, origin, happened ?? new Event("api_key.used", new Resource("endpoint", "POST /v1/chat/completions")), 200);
        work.Rows.Add(row);
        (await Store.Committer.AppendAsync(work)).ShouldBeTrue();
        return row.Fields.Id;
    }

    /// <summary>SQLite: as after a restore, which brings records and gives them new places. On PostgreSQL no record has its leaf at first.</summary>
    public async Task LoseLeavesAsync()
    {
        if (Store.Dialect != "sqlite")
        {
            return;
        }

        (await Store.ChangeAsync<bool>(SystemJob.AuditSequence, Origin.System, async db =>
        {
            await db.Database.ExecuteSqlRawAsync("DELETE FROM audit_leaves; UPDATE audit_sequencer SET position = 0");
            return true;
        })).Fault.ShouldBeNull();
    }

    /// <summary>
    /// Steps until every record has its leaf. On PostgreSQL that may take a moment: a transaction running in another test's database
    /// of the same server holds the sequencer up as well.
    /// </summary>
    public async Task SequenceAllAsync()
    {
        for (var attempt = 0; attempt < 1_000; attempt++)
        {
            while ((await Sequencer.StepAsync(Sequencer.StepRecords, CancellationToken.None)).Value > 0)
            {
            }

            if (await Store.ReadAsync(SystemJob.AuditSequence, db =>
                db.Set<AuditRecord>().AllAsync(r => db.Set<AuditLeaf>().Any(l => l.RecordId == r.Id))))
            {
                return;
            }

            await Task.Delay(20);
        }

        throw new TimeoutException("The sequencer did not come to the end.");
    }

    /// <summary>Steps until one of them did something.</summary>
    public async Task<int> StepAsync(int most)
    {
        for (var attempt = 0; attempt < 1_000; attempt++)
        {
            if ((await Sequencer.StepAsync(most, CancellationToken.None)).Value is > 0 and var done)
            {
                return done;
            }

            await Task.Delay(20);
        }

        throw new TimeoutException("The sequencer did nothing.");
    }

    public Task<IReadOnlyList<AuditLog>> ListAsync(Tenant tenant, AuditFilter? filter = null, string? after = null, int most = 1_000) =>
        Reader.ListAsync(tenant, filter ?? new AuditFilter(), after, most, CancellationToken.None);

    public Task<List<AuditRecord>> RecordsAsync() => Store.ReadAsync(SystemJob.AuditSequence,
        db => db.Set<AuditRecord>().OrderBy(r => r.At).ThenBy(r => r.Id).ToListAsync());

    public Task<List<AuditLeaf>> LeavesAsync() => Store.ReadAsync(SystemJob.AuditSequence,
        db => db.Set<AuditLeaf>().OrderBy(l => l.LogId).ThenBy(l => l.Sequence).ToListAsync());

    public async ValueTask DisposeAsync()
    {
        await Store.DisposeAsync();
        TemporaryFolder.Remove(_options.DataFolder);
    }

    private Tenant NewTenant() => new(Id.New(IdPrefix.Organization, Clock), Id.New(IdPrefix.Workspace, Clock));
}
