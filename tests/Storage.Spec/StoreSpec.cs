using Crew.Kernel;
using Microsoft.EntityFrameworkCore;

namespace Crew.Storage.Spec;

/// <summary>What every store promises, whichever database is below it.</summary>
public abstract class StoreSpec : IAsyncLifetime
{
    private static readonly Tenant Alpha = new("org_a", "ws_a");
    private static readonly Tenant Beta = new("org_a", "ws_b");
    private static readonly Tenant Gamma = new("org_c", "ws_c");

    private protected Store Store { get; private set; } = null!;

    private protected StorageModel Model { get; } = new(new SpecPart());

    private protected abstract Store Open();

    public virtual async ValueTask InitializeAsync()
    {
        Store = Open();
        (await Store.MigrateAsync()).Fault.ShouldBeNull();
        (await Store.StartAsync()).Fault.ShouldBeNull();
    }

    public virtual async ValueTask DisposeAsync()
    {
        await Store.DisposeAsync();
        GC.SuppressFinalize(this);
    }

    [Fact]
    public async Task A_change_is_visible_to_its_own_tenant_only()
    {
        (await AddAsync(Alpha, "n1")).Fault.ShouldBeNull();
        (await NotesOf(Alpha)).ShouldBe(["n1"]);
        (await NotesOf(Beta)).ShouldBeEmpty();
        (await NotesOf(Gamma)).ShouldBeEmpty();
    }

    [Fact]
    public async Task A_fault_rolls_back_rows_events_and_appended_rows()
    {
        var outcome = await Store.ChangeAsync<bool>(Alpha, Origin.System, async db =>
        {
            db.Add(new Note { Id = "gone", WorkspaceId = "ws_a", Text = "x" });
            await db.SaveChangesAsync();
            db.Append(new SpecRow("gone-row", tenant: Alpha));
            db.Raise(new Event("thing.created", new Resource("note", "gone")));
            return Faults.NotFound;
        });
        outcome.Fault.ShouldBe(Faults.NotFound);
        (await NotesOf(Alpha)).ShouldBeEmpty();
        (await RowsAsync()).ShouldBeEmpty();
    }

    [Fact]
    public async Task An_exception_rolls_back_and_leaves_the_store_working()
    {
        await Should.ThrowAsync<InvalidOperationException>(() => Store.ChangeAsync<bool>(Alpha, Origin.System, async db =>
        {
            db.Add(new Note { Id = "gone", WorkspaceId = "ws_a", Text = "x" });
            await db.SaveChangesAsync();
            throw new InvalidOperationException("a bug");
        }));
        (await NotesOf(Alpha)).ShouldBeEmpty();
        (await AddAsync(Alpha, "n1")).Fault.ShouldBeNull();
    }

    [Fact]
    public async Task Events_commit_with_the_change_and_the_owed_access_comes_along_once()
    {
        var origin = new Origin(new Actor("api_key", "key_1"), null, null, "req_1");
        origin.Owe(new Event("api_key.used", new Resource("endpoint", "e1")));
        (await Store.ChangeAsync<bool>(Alpha, origin, db =>
        {
            db.Raise(new Event("thing.created", new Resource("note", "n1")));
            return Task.FromResult<Outcome<bool>>(true);
        })).Fault.ShouldBeNull();
        (await RowsAsync()).ShouldBe(["api_key.used:e1", "thing.created:n1"]);
        origin.TakeAccess().ShouldBeNull();
    }

    [Fact]
    public async Task A_refused_change_gives_the_owed_access_back()
    {
        var origin = new Origin(new Actor("api_key", "key_1"), null, null, "req_1");
        origin.Owe(new Event("api_key.used", new Resource("endpoint", "e1")));
        await Store.ChangeAsync<bool>(Alpha, origin, _ => Task.FromResult<Outcome<bool>>(Faults.NotFound));
        origin.TakeAccess()!.Type.ShouldBe("api_key.used");
    }

    [Fact]
    public async Task Writing_a_row_of_another_tenant_throws()
    {
        await Should.ThrowAsync<InvalidOperationException>(() => Store.ChangeAsync<bool>(Alpha, Origin.System, db =>
        {
            db.Add(new Note { Id = "n1", WorkspaceId = "ws_b", Text = "x" });
            return Task.FromResult<Outcome<bool>>(true);
        }));
        (await NotesOf(Beta)).ShouldBeEmpty();
    }

    [Fact]
    public async Task A_row_without_a_workspace_is_visible_in_its_whole_organization_and_nowhere_else()
    {
        await Store.ChangeAsync<bool>(new Tenant("org_a", null), Origin.System, db =>
        {
            db.Add(new SharedThing { Id = "s1", OrganizationId = "org_a" });
            return Task.FromResult<Outcome<bool>>(true);
        });
        await Store.ChangeAsync<bool>(Beta, Origin.System, db =>
        {
            db.Add(new SharedThing { Id = "s2", OrganizationId = "org_a", WorkspaceId = "ws_b" });
            return Task.FromResult<Outcome<bool>>(true);
        });
        (await SharedOf(Alpha)).ShouldBe(["s1"]);
        (await SharedOf(Beta)).ShouldBe(["s1", "s2"]);
        (await SharedOf(Gamma)).ShouldBeEmpty();
    }

    [Fact]
    public async Task A_system_job_sees_all_tenants()
    {
        await AddAsync(Alpha, "n1");
        await AddAsync(Gamma, "n2");
        (await Store.ReadAsync(SystemJob.OperatorCommand, db => db.Set<Note>().Select(n => n.Id).OrderBy(i => i).ToListAsync())).ShouldBe(["n1", "n2"]);
    }

    [Fact]
    public async Task A_stale_version_is_a_conflict()
    {
        await AddAsync(Alpha, "n1");
        var outcome = await Store.ChangeAsync<bool>(Alpha, Origin.System, async db =>
        {
            var note = await db.Set<Note>().SingleAsync();
            db.Entry(note).Property(n => n.Version).OriginalValue = 7;
            (note.Text, note.Version) = ("new", 8);
            return true;
        });
        outcome.Fault.ShouldBe(Faults.VersionConflict);
    }

    [Fact]
    public async Task A_second_row_with_the_same_identity_is_a_conflict_and_not_an_exception()
    {
        await AddAsync(Alpha, "n1");
        (await AddAsync(Alpha, "n1")).Fault!.Code.ShouldBe("conflict");
        (await AddAsync(Alpha, "n2")).Fault.ShouldBeNull();
    }

    [Fact]
    public async Task Appended_works_are_durable_when_they_complete_and_counters_add_up()
    {
        var works = Enumerable.Range(0, 2_000).Select(async n =>
        {
            var work = new AppendWork();
            work.Rows.Add(new SpecRow($"r{n:D5}", n, [1, 2, (byte)(n % 256)]));
            work.Counters.Add(new CounterDelta(SpecRow.Sums, n % 2 == 0 ? "a" : "b", n));
            return await Store.Committer.AppendAsync(work);
        });
        (await Task.WhenAll(works)).ShouldAllBe(durable => durable);
        (await RowsAsync()).Count.ShouldBe(2_000);
        (await SumAsync("a")).ShouldBe(Enumerable.Range(0, 2_000).Where(n => n % 2 == 0).Sum());
        (await SumAsync("b")).ShouldBe(Enumerable.Range(0, 2_000).Where(n => n % 2 == 1).Sum());
        Store.Committer.Commits.ShouldBeLessThan(2_000);
    }

    [Fact]
    public async Task Null_and_large_values_survive_the_append_path()
    {
        var work = new AppendWork();
        work.Rows.Add(new SpecRow("nulls"));
        work.Rows.Add(new SpecRow(new string('ü', 3_000), long.MaxValue, new byte[100_000]));
        (await Store.Committer.AppendAsync(work)).ShouldBeTrue();
        (await RowsAsync()).ShouldContain(new string('ü', 3_000));
    }

    [Fact]
    public async Task A_row_that_a_constraint_refuses_does_not_take_others_with_it()
    {
        var first = new AppendWork();
        first.Rows.Add(new SpecRow("twice"));
        (await Store.Committer.AppendAsync(first)).ShouldBeTrue();
        var second = new AppendWork();
        second.Rows.Add(new SpecRow("twice"));
        var third = new AppendWork();
        third.Rows.Add(new SpecRow("other"));
        var both = await Task.WhenAll(Store.Committer.AppendAsync(second).AsTask(), Store.Committer.AppendAsync(third).AsTask());
        both.ShouldBe([false, true]);
        (second.IsDuplicate, third.IsDuplicate).ShouldBe((true, false));
    }

    [Fact]
    public async Task Changes_and_appends_from_many_callers_all_commit()
    {
        var changes = Enumerable.Range(0, 100).Select(n => AddAsync(n % 2 == 0 ? Alpha : Beta, $"n{n:D3}"));
        var appends = Enumerable.Range(0, 500).Select(async n =>
        {
            var work = new AppendWork();
            work.Rows.Add(new SpecRow($"r{n:D3}"));
            return await Store.Committer.AppendAsync(work);
        });
        var (changed, appended) = (Task.WhenAll(changes), Task.WhenAll(appends));
        (await changed).ShouldAllBe(o => o.Fault == null);
        (await appended).ShouldAllBe(durable => durable);
        (await NotesOf(Alpha)).Count.ShouldBe(50);
        (await NotesOf(Beta)).Count.ShouldBe(50);
    }

    [Fact]
    public async Task Followers_have_applied_a_change_before_it_answers()
    {
        var seen = new List<string>();
        Store.Feed.Follow("things", (ids, _) =>
        {
            lock (seen)
            {
                seen.AddRange(ids);
            }

            return Task.CompletedTask;
        });
        for (var n = 0; n < 20; n++)
        {
            var id = $"t{n:D2}";
            await Store.ChangeAsync<bool>(Alpha, Origin.System, db =>
            {
                db.Touch("things", id);
                return Task.FromResult<Outcome<bool>>(true);
            });
            seen.ShouldContain(id);
        }

        seen.Count.ShouldBe(20);
    }

    [Fact]
    public async Task Changes_made_by_another_process_are_followed()
    {
        var seen = new TaskCompletionSource();
        Store.Feed.Follow("things", (_, _) =>
        {
            seen.TrySetResult();
            return Task.CompletedTask;
        });
        await using var other = Open();
        (await other.StartAsync()).Fault.ShouldBeNull();
        await other.ChangeAsync<bool>(Alpha, Origin.System, db =>
        {
            db.Touch("things", "t1");
            return Task.FromResult<Outcome<bool>>(true);
        });
        await seen.Task.WaitAsync(TimeSpan.FromSeconds(10));
    }

    [Fact]
    public async Task Migrating_twice_and_from_many_processes_at_once_is_harmless()
    {
        var others = Enumerable.Range(0, 4).Select(_ => Open()).ToList();
        var outcomes = await Task.WhenAll(others.Select(o => Task.Run(() => o.MigrateAsync())));
        outcomes.ShouldAllBe(o => o.Fault == null && o.Value == 0);
        foreach (var other in others)
        {
            await other.DisposeAsync();
        }
    }

    private protected Task<Outcome<bool>> AddAsync(Tenant tenant, string id) => Store.ChangeAsync<bool>(tenant, Origin.System, db =>
    {
        db.Add(new Note { Id = id, WorkspaceId = tenant.WorkspaceId!, Text = "text" });
        return Task.FromResult<Outcome<bool>>(true);
    });

    private protected Task<List<string>> NotesOf(Tenant tenant) =>
        Store.ReadAsync(tenant, db => db.Set<Note>().Select(n => n.Id).OrderBy(i => i).ToListAsync());

    private Task<List<string>> SharedOf(Tenant tenant) =>
        Store.ReadAsync(tenant, db => db.Set<SharedThing>().Select(n => n.Id).OrderBy(i => i).ToListAsync());

    private Task<List<string>> RowsAsync() => Store.ReadAsync(SystemJob.OperatorCommand,
        async db => (await db.Database.SqlQueryRaw<string>("SELECT id AS \"Value\" FROM spec_rows").ToListAsync()).Order(StringComparer.Ordinal).ToList());

    private Task<long> SumAsync(string id) => Store.ReadAsync(SystemJob.OperatorCommand,
        async db => (await db.Database.SqlQueryRaw<long>("SELECT amount AS \"Value\" FROM spec_sums WHERE id = {0}", id).ToListAsync()).Single());
}
