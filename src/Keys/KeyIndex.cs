using System.Collections.Concurrent;
using System.Globalization;
using Crew.Storage;
using Microsoft.EntityFrameworkCore;

namespace Crew.Keys;

/// <summary>
/// All fingerprints in memory (16 bytes and an id each), so that garbage with a right checksum costs no look-up; the callers
/// behind them are loaded at first use and follow the change feed. Applying a revocation here is this node's part of the fence.
/// </summary>
internal sealed class KeyIndex
{
    public const string FeedTopic = "api_keys";

    /// <summary>Keys may stand this deep below each other.</summary>
    public const int MaximumDepth = 8;

    private readonly Store _store;
    private readonly ConcurrentDictionary<UInt128, KeySlot> _slots = new();
    private readonly ConcurrentDictionary<string, KeySlot> _byId = new(StringComparer.Ordinal);
    private readonly SemaphoreSlim _loading = new(4);

    public KeyIndex(Store store)
    {
        _store = store;
        store.Feed.Follow(FeedTopic, ApplyAsync);
    }

    public int Count => _slots.Count;

    public async Task StartAsync(CancellationToken cancel)
    {
        var rows = await _store.ReadAsync(SystemJob.KeyLookup,
            db => db.Set<ApiKey>().AsNoTracking().Select(k => new { k.Id, k.Fingerprint }).ToListAsync(cancel), cancel);
        foreach (var row in rows)
        {
            Know(row.Id, row.Fingerprint);
        }
    }

    public bool TryFind(UInt128 fingerprint, [System.Diagnostics.CodeAnalysis.NotNullWhen(true)] out KeySlot? slot) => _slots.TryGetValue(fingerprint, out slot);

    /// <summary>The slot of a key by its id.</summary>
    public bool TryFind(string keyId, [System.Diagnostics.CodeAnalysis.NotNullWhen(true)] out KeySlot? slot) => _byId.TryGetValue(keyId, out slot);

    /// <summary>The entry behind a slot; loads it when it is not there. Null when the key is gone.</summary>
    public async ValueTask<KeyEntry?> LoadAsync(KeySlot slot, CancellationToken cancel)
    {
        await _loading.WaitAsync(cancel);
        try
        {
            while (slot.Entry is null)
            {
                var generation = slot.Generation;
                var entry = await ReadAsync(slot, cancel);
                if (entry is null || slot.TrySet(entry, generation))
                {
                    return entry;
                }
            }

            return slot.Entry;
        }
        finally
        {
            _loading.Release();
        }
    }

    private async Task ApplyAsync(IReadOnlyList<string> keyIds, CancellationToken cancel)
    {
        var rows = await _store.ReadAsync(SystemJob.KeyLookup, db => db.Set<ApiKey>().AsNoTracking().Where(k => keyIds.Contains(k.Id))
            .Select(k => new { k.Id, k.Fingerprint, k.LineageId, Revoked = k.RevokedAt != null }).ToListAsync(cancel), cancel);
        foreach (var row in rows)
        {
            Know(row.Id, row.Fingerprint);
        }

        var changed = rows.Select(r => r.LineageId).ToHashSet(StringComparer.Ordinal);
        foreach (var slot in _slots.Values)
        {
            // A slot without an entry may be loading an old state right now: its generation moves on as well.
            if ((slot.Entry is not { } entry || changed.Overlaps(entry.Ancestors)) && slot.Drop())
            {
                await CutIfDeadAsync(slot, cancel);
            }
        }
    }

    /// <summary>Streams that run on the old entry end when the key is dead now; after a mere change they go on.</summary>
    private async Task CutIfDeadAsync(KeySlot slot, CancellationToken cancel)
    {
        var now = await LoadAsync(slot, cancel);
        if (now is null || now.IsRevoked)
        {
            slot.Cut();
        }
    }

    private void Know(string id, string fingerprint)
    {
        var value = UInt128.Parse(fingerprint, NumberStyles.HexNumber, CultureInfo.InvariantCulture);
        _byId.TryAdd(id, _slots.GetOrAdd(value, _ => new KeySlot(id)));
    }

    private Task<KeyEntry?> ReadAsync(KeySlot slot, CancellationToken cancel) => _store.ReadAsync(SystemJob.KeyLookup, async db =>
    {
        if (await db.Set<ApiKey>().AsNoTracking().SingleOrDefaultAsync(k => k.Id == slot.KeyId, cancel) is not { } key)
        {
            return null;
        }

        var parents = new List<ApiKey?>();
        for (var lineage = key.ParentLineageId; lineage is not null && parents.Count < MaximumDepth;)
        {
            var members = await db.Set<ApiKey>().AsNoTracking().Where(k => k.LineageId == lineage).OrderByDescending(k => k.Id).ToListAsync(cancel);
            var parent = members.Find(k => k.RevokedAt is null && k.RolledToId is null) ?? members.Find(k => k.RevokedAt is null);
            parents.Add(parent);
            lineage = parent?.ParentLineageId;
        }

        return KeyEntry.Of(key, parents, slot.Revoked);
    }, cancel);
}

/// <summary>A known fingerprint and, once used, the caller behind it.</summary>
internal sealed class KeySlot(string keyId)
{
    private readonly Lock _gate = new();
    private volatile KeyEntry? _entry;
    private readonly CancellationTokenSource _revoked = new();
    private int _generation;

    public string KeyId { get; } = keyId;

    /// <summary>For a key that follows a person: what it was last found to be. Looked at anew whenever any of its causes has changed.</summary>
    public KeyStanding? Standing { get; set; }

    /// <summary>Fires when the key is dead: the same for all entries, because a stream runs on the one that it began with.</summary>
    public CancellationToken Revoked => _revoked.Token;

    public KeyEntry? Entry => _entry;

    public int Generation => Volatile.Read(ref _generation);

    /// <summary>Sets an entry that was read in a generation; false when it was dropped meanwhile, so that what was read may be old.</summary>
    public bool TrySet(KeyEntry entry, int generation)
    {
        lock (_gate)
        {
            if (_generation != generation)
            {
                return false;
            }

            _entry = entry;
            return true;
        }
    }

    /// <summary>Forgets the entry; false when there was none.</summary>
    public bool Drop()
    {
        lock (_gate)
        {
            _generation++;
            (var dropped, _entry) = (_entry, null);
            return dropped is not null;
        }
    }

    /// <summary>Ends open streams of this key.</summary>
    public void Cut() => _revoked.Cancel();
}
