using Crew.Http;
using Crew.Kernel;
using Crew.Testing;
using Microsoft.EntityFrameworkCore;

namespace Crew.Storage.Spec;

public sealed class RateExpirySpec
{
    [Fact]
    public async Task Rows_of_rate_limits_go_when_their_minute_is_long_over_and_come_back_when_they_are_asked_for()
    {
        Assert.SkipUnless(PostgresServer.IsAvailable, "PostgreSQL is not installed.");
        var options = new StoreOptions { DataFolder = Path.GetTempPath(), PostgresConnectionString = await (await PostgresServer.SharedAsync()).CreateDatabaseAsync() };
        await using var store = Store.Open(options, new StorageModel(HttpModule.Part), [], TimeProvider.System);
        (await store.MigrateAsync()).Fault.ShouldBeNull();
        (await store.StartAsync()).Fault.ShouldBeNull();
        await TakeAsync(store, [.. Enumerable.Range(0, 450).Select(n => $"old {n:000}")]);
        await ExecuteAsync(store, "UPDATE http_rates SET minute = minute - 11 WHERE subject <> 'old 007'");
        await TakeAsync(store, ["new 1", "new 2"]);

        (await ExpireAsync(store)).ShouldBe(449);
        (await SubjectsAsync(store)).ShouldBe(["new 1", "new 2", "old 007"]);
        (await ExpireAsync(store)).ShouldBe(0);
        await TakeAsync(store, ["old 000"]);
        (await SubjectsAsync(store)).ShouldBe(["new 1", "new 2", "old 000", "old 007"]);
    }

    private static async Task TakeAsync(Store store, IReadOnlyList<string> subjects)
    {
        var taken = await RateAppend.TakeAsync(store, [.. subjects.Select(s => new RateAsk(s, 100, 3, 1, 0, 0))], TestContext.Current.CancellationToken);
        taken.Fault.ShouldBeNull();
        taken.Value.ShouldAllBe(grant => grant.Given == 3);
    }

    private static async Task<long> ExpireAsync(Store store)
    {
        var run = new ExpiryRun(store, null, [], TimeProvider.System.GetUtcNow());
        await new RateExpiry().RunAsync(run, TestContext.Current.CancellationToken);
        return run.Removed;
    }

    private static async Task ExecuteAsync(Store store, string sql) =>
        (await store.ChangeAsync<int>(SystemJob.RateLimits, Origin.System, async db => await db.Database.ExecuteSqlRawAsync(sql))).Fault.ShouldBeNull();

    private static Task<List<string>> SubjectsAsync(Store store) =>
        store.ReadAsync(SystemJob.RateLimits, db => db.Database.SqlQueryRaw<string>("SELECT subject AS \"Value\" FROM http_rates ORDER BY 1").ToListAsync());
}
