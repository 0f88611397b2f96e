using Crew.Http;
using Crew.Kernel;
using Crew.Testing;
using Microsoft.EntityFrameworkCore;

namespace Crew.Storage.Spec;

public sealed class IdempotencyExpirySpec
{
    private static readonly Tenant Acme = new("org_1", "ws_1");

    [Theory]
    [InlineData("sqlite")]
    [InlineData("postgres")]
    public async Task Answers_are_removed_when_their_day_is_over_and_not_before(string dialect)
    {
        Assert.SkipUnless(dialect == "sqlite" || PostgresServer.IsAvailable, "PostgreSQL is not installed.");
        var folder = Directory.CreateTempSubdirectory("crew-idempotency-").FullName;
        var options = new StoreOptions
        {
            DataFolder = folder,
            PostgresConnectionString = dialect == "postgres" ? await (await PostgresServer.SharedAsync()).CreateDatabaseAsync() : null,
        };
        var clock = TimeProvider.System;
        await using (var store = Store.Open(options, new StorageModel(HttpModule.Part), [], clock))
        {
            (await store.MigrateAsync()).Fault.ShouldBeNull();
            (await store.StartAsync()).Fault.ShouldBeNull();
            var now = clock.GetUtcNow();
            await KeepAsync(store, "old", now.AddHours(-25), 250);
            await KeepAsync(store, "new", now.AddHours(-23), 3);
            foreach (var removed in new[] { 250, 0 })
            {
                var run = new ExpiryRun(store, null, [], now);
                await new IdempotencyExpiry().RunAsync(run, TestContext.Current.CancellationToken);
                run.Removed.ShouldBe(removed);
            }

            (await store.ReadAsync(Acme, db => db.Set<IdempotencyEntry>().Select(e => e.Id).OrderBy(i => i).ToListAsync())).ShouldBe(["new 0", "new 1", "new 2"]);
        }

        Directory.Delete(folder, recursive: true);
    }

    private static async Task KeepAsync(Store store, string name, DateTimeOffset at, int count) =>
        (await store.ChangeAsync<bool>(Acme, Origin.System, db =>
        {
            db.AddRange(Enumerable.Range(0, count).Select(number => new IdempotencyEntry
            {
                Id = $"{name} {number}",
                WorkspaceId = Acme.WorkspaceId!,
                RequestHash = "hash",
                Epoch = "epoch",
                State = "kept",
                Answer = [1],
                CreatedAt = at,
            }));
            return Task.FromResult<Outcome<bool>>(true);
        })).Fault.ShouldBeNull();
}
