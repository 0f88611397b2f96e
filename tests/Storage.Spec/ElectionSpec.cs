using System.Diagnostics;
using Crew.Kernel;
using Crew.Testing;
using Microsoft.EntityFrameworkCore;

namespace Crew.Storage.Spec;

/// <summary>Who does the work that one node does at a time.</summary>
public sealed class ElectionSpec
{
    private static readonly TimeSpan TakenOverWithin = TimeSpan.FromSeconds(5);

    [Fact]
    public async Task On_SQLite_this_server_leads_everything()
    {
        var folder = Directory.CreateTempSubdirectory("crew-election-").FullName;
        await using (var store = await OpenAsync(new StoreOptions { DataFolder = folder }))
        {
            Duty.All.ShouldAllBe(duty => store.Election.Leads(duty));
            (await AddAsync(store, "n1")).Fault.ShouldBeNull();
        }

        Directory.Delete(folder, recursive: true);
    }

    [Fact]
    public async Task On_PostgreSQL_one_node_leads_and_another_takes_over_when_it_lets_go()
    {
        var options = await PostgresAsync();
        await using var first = await OpenAsync(options);
        await using var second = await OpenAsync(options);
        using var stop = new CancellationTokenSource();
        var running = first.Election.RunAsync(stop.Token);
        await UntilAsync(() => first.Election.Leads(Duty.Upkeep));
        await second.Election.RenewAsync(default);
        Duty.All.ShouldAllBe(duty => first.Election.Leads(duty) && !second.Election.Leads(duty));
        (await first.Election.LeadersAsync(default)).ShouldAllBe(l => l.IsHeld && l.Term == 1);
        await Should.ThrowAsync<NotLeadingException>(() => AddAsync(second, "foreign"));
        (await AddAsync(first, "own")).Fault.ShouldBeNull();

        await stop.CancelAsync();
        await running;
        await second.Election.RenewAsync(default);
        Duty.All.ShouldAllBe(duty => second.Election.Leads(duty) && !first.Election.Leads(duty));
        (await NotesAsync(second)).ShouldBe(["own"]);
    }

    [Fact]
    public async Task A_node_that_stands_still_in_the_middle_of_a_change_loses_it_and_the_duty_is_taken_over()
    {
        var options = await PostgresAsync();
        await using var first = await OpenAsync(options);
        await using var second = await OpenAsync(options);
        await first.Election.RenewAsync(default);
        var goesOn = new TaskCompletionSource();
        var changing = first.Election.ChangeAsync<bool>(Duty.Upkeep, SystemJob.Expiry, async db =>
        {
            await InsertAsync(db, "half");
            await goesOn.Task;
            return true;
        }, default);

        // From here on the first node does nothing, as one that was stopped.
        var stopped = Stopwatch.GetTimestamp();
        await UntilAsync(async () =>
        {
            await second.Election.RenewAsync(default);
            return second.Election.Leads(Duty.Upkeep);
        });
        Stopwatch.GetElapsedTime(stopped).ShouldBeLessThan(TakenOverWithin);
        (await AddAsync(second, "second")).Fault.ShouldBeNull();

        goesOn.SetResult();
        (await changing).Fault.ShouldBe(Faults.StorageUnavailable);
        await Should.ThrowAsync<NotLeadingException>(() => AddAsync(first, "late"));
        (await NotesAsync(second)).ShouldBe(["second"]);
        (await second.Election.LeadersAsync(default)).Single(l => l.Duty == "upkeep").Term.ShouldBe(2);
    }

    private static async Task<StoreOptions> PostgresAsync()
    {
        Assert.SkipUnless(PostgresServer.IsAvailable, "PostgreSQL is not installed.");
        return new StoreOptions { DataFolder = Path.GetTempPath(), PostgresConnectionString = await (await PostgresServer.SharedAsync()).CreateDatabaseAsync() };
    }

    private static async Task<Store> OpenAsync(StoreOptions options)
    {
        var store = Store.Open(options, new StorageModel(new SpecPart()), [], TimeProvider.System);
        (await store.MigrateAsync()).Fault.ShouldBeNull();
        (await store.StartAsync()).Fault.ShouldBeNull();
        return store;
    }

    private static Task<Outcome<bool>> AddAsync(Store store, string id) => store.Election.ChangeAsync<bool>(Duty.Upkeep, SystemJob.Expiry, async db =>
    {
        await InsertAsync(db, id);
        return true;
    }, default);

    private static Task<int> InsertAsync(Db db, string id) =>
        db.Database.ExecuteSqlAsync($"INSERT INTO spec_notes (id, workspace_id, text, version) VALUES ({id}, 'ws_a', 't', 1)");

    private static Task<List<string>> NotesAsync(Store store) =>
        store.ReadAsync(SystemJob.Expiry, db => db.Set<Note>().OrderBy(n => n.Id).Select(n => n.Id).ToListAsync());

    private static Task UntilAsync(Func<bool> holds) => UntilAsync(() => Task.FromResult(holds()));

    private static async Task UntilAsync(Func<Task<bool>> holds)
    {
        var started = Stopwatch.GetTimestamp();
        while (!await holds())
        {
            Stopwatch.GetElapsedTime(started).ShouldBeLessThan(TimeSpan.FromSeconds(30));
            await Task.Delay(50);
        }
    }
}
