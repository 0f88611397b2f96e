using Crew.Kernel;
using Crew.Storage;
using Microsoft.EntityFrameworkCore;

namespace Crew.Sealing;

/// <summary>A wrapped key as a row.</summary>
[InstallationOwned("The key hierarchy stands above all tenants; its rows are sealed under the master key.")]
internal sealed class StoredKey
{
    public required string Id { get; init; }

    public required int Scope { get; init; }

    public required string ScopeId { get; init; }

    public string? ParentId { get; set; }

    public required int Version { get; init; }

    public required byte[] Wrapped { get; set; }

    public required DateTimeOffset CreatedAt { get; init; }

    public static void Map(ModelBuilder model) => model.Entity<StoredKey>(key =>
    {
        key.ToTable("sealing_keys");
        key.HasKey(k => k.Id);
        key.HasIndex(k => new { k.Scope, k.ScopeId, k.Version }).IsUnique().HasDatabaseName("sealing_keys_scope");
    });

    public WrappedKey ToWrapped() => new(Id, (KeyScope)Scope, ScopeId, ParentId, Version, Wrapped, CreatedAt);

    public static StoredKey Of(WrappedKey key) => new()
    {
        Id = key.Id,
        Scope = (int)key.Scope,
        ScopeId = key.ScopeId,
        ParentId = key.ParentId,
        Version = key.Version,
        Wrapped = key.Wrapped,
        CreatedAt = key.CreatedAt,
    };
}

/// <summary>Keeps the key hierarchy in the database. New keys are stored before they are used.</summary>
public sealed class StoredKeys
{
    public const string FeedTopic = "keys_of_scopes";
    private readonly Store _store;
    private readonly TimeProvider _clock;

    private StoredKeys(Store store, KeyRing ring, TimeProvider clock)
    {
        (_store, Ring, _clock) = (store, ring, clock);
        store.Feed.Follow(FeedTopic, async (_, cancel) => Ring.Add(await ReadAsync(store, cancel)));
    }

    public static StoragePart Part { get; } = new SealingPart();

    public KeyRing Ring { get; }

    /// <summary>Opens the stored hierarchy, or begins one in an empty database. Refuses a missing or wrong master key.</summary>
    public static async Task<Outcome<StoredKeys>> OpenAsync(Store store, MasterKey master, TimeProvider clock, CancellationToken cancel)
    {
        var rows = await ReadAsync(store, cancel);

        // A key of an organization moves the feed: then there is data, which a new installation key would not open. Another
        // process may have begun since the rows were read; its installation key is there before the feed moves.
        if (rows.Count == 0 && await store.Feed.HasMovedAsync(cancel) && (rows = await ReadAsync(store, cancel)).Count == 0)
        {
            return SealingFaults.KeysMissing;
        }

        if (rows.Count > 0)
        {
            var opened = KeyRing.Open(rows, master);
            return opened.Failed(out var fault) ? fault : new StoredKeys(store, opened.Value, clock);
        }

        var ring = KeyRing.Begin(master, clock.GetUtcNow(), out var installation);
        var stored = await store.ChangeAsync<bool>(SystemJob.KeyHierarchy, Origin.System, async db =>
        {
            if (await db.Set<StoredKey>().AnyAsync())
            {
                return SqliteRace;
            }

            db.Add(StoredKey.Of(installation));
            return true;
        }, cancel);
        return stored.Failed(out var lost)
            ? lost == SqliteRace ? await OpenAsync(store, master, clock, cancel) : lost
            : new StoredKeys(store, ring, clock);
    }

    /// <summary>How many keys there are; zero means that no data was ever sealed here.</summary>
    public static async Task<bool> AnyAsync(Store store, CancellationToken cancel) => (await ReadAsync(store, cancel)).Count > 0;

    /// <summary>Whether the master key opens the keys that a database holds, such as one that is being restored.</summary>
    public static async Task<Fault?> CheckAsync(Db db, MasterKey master) =>
        KeyRing.Open((await db.Set<StoredKey>().AsNoTracking().ToListAsync()).ConvertAll(k => k.ToWrapped()), master).Fault;

    /// <summary>
    /// Wraps all keys that stand under the master key again, under <paramref name="next"/>, in one transaction together with
    /// <paramref name="happened"/>. No server may run meanwhile: what it makes would still be wrapped under the old key.
    /// </summary>
    public async Task<Outcome<int>> RewrapAsync(MasterKey next, Origin origin, Event happened, CancellationToken cancel)
    {
        var rows = Ring.Rewrap(next);
        var stored = await _store.ChangeAsync<int>(SystemJob.KeyHierarchy, origin, async db =>
        {
            var keys = await db.Set<StoredKey>().Where(k => k.ParentId == null).ToListAsync();
            if (keys.Count != rows.Count || keys.Exists(k => !rows.Any(r => r.Id == k.Id)))
            {
                return SqliteRace;
            }

            keys.ForEach(k => k.Wrapped = rows.First(r => r.Id == k.Id).Wrapped);
            db.Raise(happened);
            return keys.Count;
        }, cancel);
        if (stored.Fault is null)
        {
            Ring.Replace(rows, next);
        }

        return stored;
    }

    /// <summary>Makes sure that a scope has a key, stored and ready. An unused key of a scope that never came to be is harmless.</summary>
    public async Task<Fault?> EnsureAsync(KeyScope scope, string scopeId, KeyScope? parentScope, string? parentScopeId, CancellationToken cancel)
    {
        if (Ring.Current(scope, scopeId) is not null)
        {
            return null;
        }

        var key = Ring.Create(scope, scopeId, parentScope, parentScopeId, _clock.GetUtcNow());
        var stored = await _store.ChangeAsync<bool>(SystemJob.KeyHierarchy, Origin.System, db =>
        {
            db.Add(StoredKey.Of(key));
            db.Touch(FeedTopic, key.Id);
            return Task.FromResult<Outcome<bool>>(true);
        }, cancel);
        if (stored.Fault is { Code: not "conflict" } fault)
        {
            return fault;
        }

        Ring.Add(await ReadAsync(_store, cancel));
        return null;
    }

    private static readonly Fault SqliteRace = new("conflict", 409, "A thing with the same identity was made at the same moment. Read the list again and repeat the request if it is still needed.");

    private static Task<List<WrappedKey>> ReadAsync(Store store, CancellationToken cancel) => store.ReadAsync(SystemJob.KeyHierarchy,
        async db => (await db.Set<StoredKey>().AsNoTracking().ToListAsync(cancel)).ConvertAll(k => k.ToWrapped()), cancel);

    private sealed class SealingPart : StoragePart
    {
        public override string Name => "sealing";

        public override void Map(ModelBuilder model) => StoredKey.Map(model);
    }
}
