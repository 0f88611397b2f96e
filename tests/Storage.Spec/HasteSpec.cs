using System.Diagnostics;
using Crew.Kernel;
using Crew.Testing;
using Microsoft.EntityFrameworkCore;

namespace Crew.Storage.Spec;

/// <summary>A node that stands still holds nobody up for long, on PostgreSQL.</summary>
public sealed class HasteSpec
{
    /// <summary>A third of what a transaction may idle that says nothing else.</summary>
    private static readonly TimeSpan Soon = TimeSpan.FromSeconds(5);

    private static readonly SystemJob[] Brief = [SystemJob.RateLimits, SystemJob.SpendLeases, SystemJob.KeyMarks, SystemJob.Election];

    [Fact]
    public async Task Rows_that_all_nodes_need_are_free_soon_after_their_holder_stands_still()
    {
        var options = await OptionsAsync();
        await using var stopped = await OpenAsync(options);
        await using var other = await OpenAsync(options);
        await Task.WhenAll(Brief.Select(async job =>
        {
            (await stopped.ChangeAsync<int>(SystemJob.Provision, Origin.System, async db => await db.Database.ExecuteSqlAsync(
                $"INSERT INTO spec_notes (id, workspace_id, text, version) VALUES ({job.Name}, 'ws_a', 'before', 1)"))).Fault.ShouldBeNull();
            var (has, goesOn) = (new TaskCompletionSource(), new TaskCompletionSource());
            var changing = stopped.ChangeAsync<bool>(job, Origin.System, async db =>
            {
                await WriteAsync(db, job.Name, "half");
                has.TrySetResult();
                await goesOn.Task;
                return true;
            });

            // From here on the first node does nothing, as one that was stopped.
            await has.Task;
            var since = Stopwatch.GetTimestamp();
            (await other.ChangeAsync<int>(job, Origin.System, async db => await WriteAsync(db, job.Name, "after"))).Fault.ShouldBeNull(job.Name);
            Stopwatch.GetElapsedTime(since).ShouldBeLessThan(Soon, job.Name);
            (await TextsAsync(other, job.Name)).ShouldBe(["after"]);

            // It goes on, finds its transaction gone, and is made again.
            goesOn.SetResult();
            (await changing).Fault.ShouldBeNull(job.Name);
            (await TextsAsync(other, job.Name)).ShouldBe(["half"]);
        }));
    }

    [Fact]
    public async Task A_change_is_followed_while_every_connection_of_the_system_jobs_is_busy()
    {
        await using var store = await OpenAsync(await OptionsAsync(), s => s.Feed.Follow("notes", (_, cancel) =>
            s.ReadAsync(SystemJob.HotState, db => db.Set<Note>().CountAsync(cancel), cancel)));
        var ends = new TaskCompletionSource();
        var busy = Enumerable.Range(0, 12).Select(_ => store.ReadAsync(SystemJob.SpendLeases, async db =>
        {
            await db.Set<Note>().CountAsync();
            await ends.Task;
            return true;
        })).ToArray();
        var before = store.Feed.Applied;
        var since = Stopwatch.GetTimestamp();
        (await store.ChangeAsync<bool>(new Tenant("org_a", "ws_a"), Origin.System, db =>
        {
            db.Touch("notes", "n1");
            return Task.FromResult<Outcome<bool>>(true);
        })).Fault.ShouldBeNull();
        store.Feed.Applied.ShouldBe(before + 1, "the follower had to wait for a connection");
        Stopwatch.GetElapsedTime(since).ShouldBeLessThan(Soon);
        ends.SetResult();
        await Task.WhenAll(busy).ContinueWith(_ => { }, TaskScheduler.Default);
    }

    private static Task<List<string>> TextsAsync(Store store, string id) =>
        store.ReadAsync(SystemJob.Provision, db => db.Set<Note>().Where(n => n.Id == id).Select(n => n.Text).ToListAsync());

    private static async Task<StoreOptions> OptionsAsync()
    {
        Assert.SkipUnless(PostgresServer.IsAvailable, "PostgreSQL is not installed.");
        return new StoreOptions { DataFolder = Path.GetTempPath(), PostgresConnectionString = await (await PostgresServer.SharedAsync()).CreateDatabaseAsync() };
    }

    private static async Task<Store> OpenAsync(StoreOptions options, Action<Store>? prepare = null)
    {
        var store = Store.Open(options, new StorageModel(new SpecPart()), [], TimeProvider.System);
        (await store.MigrateAsync()).Fault.ShouldBeNull();
        prepare?.Invoke(store);
        (await store.StartAsync()).Fault.ShouldBeNull();
        return store;
    }

    private static Task<int> WriteAsync(Db db, string id, string text) => db.Database.ExecuteSqlAsync($"UPDATE spec_notes SET text = {text} WHERE id = {id}");
}
