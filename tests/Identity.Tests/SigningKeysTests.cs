using System.Text;
using System.Text.Json;
using Crew.Identity.Tokens;
using Crew.Sealing;
using Crew.Storage;
using Crew.Testing;

namespace Crew.Identity.Tests;

/// <summary>The keys that sign tokens: one at a time, published before and after, the same on all nodes.</summary>
public sealed class SigningKeysTests
{
    private static readonly StorageModel Model = new(StoredKeys.Part, Tenancy.TenancyModule.Part, Keys.KeysModule.Part, IdentityModule.Part);

    [Fact]
    public async Task A_key_is_published_before_it_signs_and_after_it_has_signed()
    {
        var clock = new ShiftedClock();
        var folder = Directory.CreateTempSubdirectory("crew-signing-").FullName;
        await using (var store = await OpenAsync(new StoreOptions { DataFolder = folder }, clock))
        {
            var keys = await KeysAsync(store, MasterKey.Generate(), clock);
            (await keys.StartAsync(default)).ShouldBeNull();
            var first = keys.Active();
            CompactJws.TryRead(first.Sign("at+jwt", "{}"u8), out var signed).ShouldBeTrue();
            (await keys.RotateAsync(default)).ShouldBeNull();
            Published(keys).ShouldBe([first.KeyId]);

            clock.Advance(SigningKeys.SignsFor - SigningKeys.PublishedAhead);
            (await keys.RotateAsync(default)).ShouldBeNull();
            (await keys.RotateAsync(default)).ShouldBeNull();
            Published(keys).Count.ShouldBe(2);
            keys.Active().KeyId.ShouldBe(first.KeyId);

            clock.Advance(SigningKeys.PublishedAhead);
            var second = keys.Active();
            second.KeyId.ShouldNotBe(first.KeyId);
            Published(keys).ShouldBe([first.KeyId, second.KeyId]);
            keys.Find(first.KeyId).ShouldNotBeNull().Verify(signed!).ShouldBeTrue();
            keys.Find(second.KeyId).ShouldNotBeNull().Verify(signed!).ShouldBeFalse();

            clock.Advance(SigningKeys.PublishedAfter);
            Published(keys).ShouldBe([second.KeyId]);
            keys.Find(first.KeyId).ShouldBeNull();
            (keys.Find(null), keys.Find(""), keys.Find("../x' OR 1=1")).ShouldBe((null, null, null));
        }

        Directory.Delete(folder, recursive: true);
    }

    [Fact]
    public async Task The_private_half_is_kept_sealed_and_never_published()
    {
        var folder = Directory.CreateTempSubdirectory("crew-signing-").FullName;
        await using (var store = await OpenAsync(new StoreOptions { DataFolder = folder }, TimeProvider.System))
        {
            var keys = await KeysAsync(store, MasterKey.Generate(), TimeProvider.System);
            (await keys.StartAsync(default)).ShouldBeNull();
            using var published = JsonDocument.Parse(keys.ToJwks());
            published.RootElement.GetProperty("keys")[0].EnumerateObject().Select(m => m.Name).ShouldBe(["kty", "crv", "x", "y", "kid", "use", "alg"]);
            var row = await store.ReadAsync(SystemJob.SigningKeys, db => Task.FromResult(db.Set<SigningKey>().Single()));
            Should.Throw<System.Security.Cryptography.CryptographicException>(() =>
            {
                using var key = System.Security.Cryptography.ECDsa.Create();
                key.ImportPkcs8PrivateKey(row.PrivateKeySealed, out _);
            });
        }

        Directory.Delete(folder, recursive: true);
    }

    [Fact]
    public async Task Nodes_that_start_at_once_sign_with_one_key()
    {
        Assert.SkipUnless(PostgresServer.IsAvailable, "There is no PostgreSQL here.");
        var database = await (await PostgresServer.SharedAsync()).CreateDatabaseAsync();
        var master = MasterKey.Generate();
        var nodes = new List<(Store Store, SigningKeys Keys)>();
        for (var node = 0; node < 8; node++)
        {
            var store = await OpenAsync(new StoreOptions { DataFolder = "", PostgresConnectionString = database }, TimeProvider.System);
            nodes.Add((store, await KeysAsync(store, master, TimeProvider.System)));
        }

        (await Task.WhenAll(nodes.Select(n => Task.Run(() => n.Keys.StartAsync(default))))).ShouldAllBe(fault => fault == null);
        nodes.Select(n => n.Keys.Active().KeyId).Distinct().Count().ShouldBe(1);
        CompactJws.TryRead(nodes[0].Keys.Active().Sign("at+jwt", Encoding.UTF8.GetBytes("{}")), out var jws).ShouldBeTrue();
        nodes.ShouldAllBe(n => n.Keys.Find(jws!.KeyId)!.Verify(jws));
        foreach (var (store, _) in nodes)
        {
            await store.DisposeAsync();
        }
    }

    private static List<string> Published(SigningKeys keys)
    {
        using var published = JsonDocument.Parse(keys.ToJwks());
        return [.. published.RootElement.GetProperty("keys").EnumerateArray().Select(k => k.GetProperty("kid").GetString()!)];
    }

    private static async Task<Store> OpenAsync(StoreOptions options, TimeProvider clock)
    {
        var store = Store.Open(options, Model, [], clock);
        (await store.MigrateAsync()).Fault.ShouldBeNull();
        return store;
    }

    private static async Task<SigningKeys> KeysAsync(Store store, MasterKey master, TimeProvider clock)
    {
        var keys = (await StoredKeys.OpenAsync(store, master, clock, default)).Value;
        var signers = new SigningKeys(store, new Lazy<StoredKeys>(keys));
        (await store.StartAsync()).Fault.ShouldBeNull();
        return signers;
    }

    /// <summary>The machine's clock, set on by the test; timers run as ever.</summary>
    private sealed class ShiftedClock : TimeProvider
    {
        private TimeSpan _shift;

        public override DateTimeOffset GetUtcNow() => base.GetUtcNow() + _shift;

        public void Advance(TimeSpan by) => _shift += by;
    }
}
