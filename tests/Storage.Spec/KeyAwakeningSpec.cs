using System.Net;
using Crew.Kernel;
using Crew.Keys;
using Crew.Sealing;
using Crew.Tenancy;
using Crew.Tenancy.Contracts;
using Crew.Testing;

namespace Crew.Storage.Spec;

/// <summary>A key that was silent for months and is used again is told of, once.</summary>
public sealed class KeyAwakeningSpec
{
    [Theory]
    [InlineData("sqlite")]
    [InlineData("postgres")]
    public async Task A_use_after_ninety_days_of_silence_is_an_event_and_the_next_one_is_none(string dialect)
    {
        Assert.SkipUnless(dialect == "sqlite" || PostgresServer.IsAvailable, "No PostgreSQL here.");
        var clock = TimeProvider.System;
        var heard = new Heard();
        await using var store = Store.Open(
            new StoreOptions
            {
                DataFolder = Directory.CreateTempSubdirectory("crew-silence-").FullName,
                PostgresConnectionString = dialect == "postgres" ? await (await PostgresServer.SharedAsync()).CreateDatabaseAsync() : null,
            },
            new StorageModel(StoredKeys.Part, TenancyModule.Part, KeysModule.Part), [heard], clock);
        (await store.MigrateAsync()).Fault.ShouldBeNull();
        var keys = (await StoredKeys.OpenAsync(store, MasterKey.Generate(), clock, default)).Value;
        (await store.StartAsync()).Fault.ShouldBeNull();
        var home = (await new Provisioner(store, keys, clock).CreateAsync("owls", "owner@example.com", Origin.System, default)).Value;
        var mint = new KeyMint(keys, clock);
        var draft = new KeyDraft("sleeper", ["crews:read"], PermissionSet.Of("crews:read"), "live", null, null, [], null, null, null);
        var key = mint.Make(home.OrganizationId, home.WorkspaceId, draft, KeyKind.Service, false, "spec", null, null).Key;
        (await store.ChangeAsync<bool>(new Tenant(home.OrganizationId, home.WorkspaceId), Origin.System, db =>
        {
            db.Add(key);
            return Task.FromResult<Outcome<bool>>(true);
        })).Fault.ShouldBeNull();
        var marks = new KeyMarks(store, mint, clock);
        var caller = KeyEntry.Of(key, []).Caller;

        // Only the uses are moved: a clock that leaps over months has every loop of the store tick millions of times.
        var at = clock.GetUtcNow();

        async Task<int> UseAsync(int afterDays)
        {
            at = at.AddDays(afterDays);
            marks.Used(caller, "GET /v1/crews", 200, IPAddress.Loopback, at);
            await marks.FlushAsync(default);
            return heard.Count;
        }

        (await UseAsync(1)).ShouldBe(0, "a new key");
        (await UseAsync(89)).ShouldBe(0);
        (await UseAsync(91)).ShouldBe(1);
        (await UseAsync(0)).ShouldBe(1);
        (await UseAsync(30)).ShouldBe(1);
    }

    private sealed class Heard : IEventSink
    {
        private int _count;

        public int Count => Volatile.Read(ref _count);

        public void Write(Db db, Origin origin, IReadOnlyList<Event> events)
        {
            foreach (var _ in events.Where(e => e.Type == "api_key.awoken"))
            {
                Interlocked.Increment(ref _count);
            }
        }
    }
}
