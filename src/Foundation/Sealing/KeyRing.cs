using System.Collections.Concurrent;
using System.Diagnostics.CodeAnalysis;
using System.Security.Cryptography;
using System.Text;
using Crew.Kernel;

namespace Crew.Sealing;

/// <summary>
/// The key hierarchy in memory: master key → installation key and organization keys → workspace keys → crew and subject keys.
/// It is opened from stored rows and makes new rows for its caller to store; it knows no database. Keys are unwrapped at first
/// use and kept; of subject keys, which may be many, only the latest <see cref="MaxOpenSubjectKeys"/> stay unwrapped.
/// Thread-safe.
/// </summary>
/// <remarks>
/// A key that was made is not used before <see cref="Add"/>. Store its row first and add it after the commit, or a rolled-back
/// transaction would leave values that nothing opens. Only for a scope that was born in the same transaction, which nobody
/// else can name yet, may <see cref="Add"/> come before the commit.
/// </remarks>
public sealed class KeyRing
{
    /// <summary>Unwrapped subject keys that are kept.</summary>
    public const int MaxOpenSubjectKeys = 4096;

    private readonly Lock _gate = new();
    private readonly ConcurrentDictionary<(KeyScope Scope, string ScopeId), KeySlot[]> _versions = new();
    private readonly ConcurrentDictionary<string, KeySlot> _slots = new(StringComparer.Ordinal);
    private readonly ConcurrentQueue<KeySlot> _openSubjects = new();
    private volatile MasterKey _master;

    private KeyRing(MasterKey master) => _master = master.Copy();

    /// <summary>
    /// Opens the stored keys. Refuses with <c>wrong_master_key</c> when the master key opens none of its keys, with
    /// <c>keys_damaged</c> when it opens only some or a parent is missing, with <c>keys_missing</c> when there is no
    /// installation key at all.
    /// </summary>
    public static Outcome<KeyRing> Open(IReadOnlyList<WrappedKey> rows, MasterKey master)
    {
        var ring = new KeyRing(master);
        if (!rows.Any(static row => row.Scope == KeyScope.Installation))
        {
            return SealingFaults.KeysMissing;
        }

        var roots = rows.Where(static row => row.ParentId is null).ToList();
        var closed = roots.Where(row => !CanOpen(master, row)).Select(static row => row.Id).ToList();
        if (closed.Count > 0)
        {
            return closed.Count == roots.Count ? SealingFaults.WrongMasterKey : SealingFaults.KeysDamaged(string.Join(", ", closed));
        }

        return ring.Add(rows) is { } fault ? fault : ring;
    }

    /// <summary>Begins the hierarchy of a new installation. <paramref name="installation"/> is its first row, to be stored.</summary>
    public static KeyRing Begin(MasterKey master, DateTimeOffset now, out WrappedKey installation)
    {
        var ring = new KeyRing(master);
        installation = ring.Create(KeyScope.Installation, WrappedKey.InstallationId, null, null, now);
        ring.Add(installation);
        return ring;
    }

    /// <summary>Makes the first key of an organization.</summary>
    public WrappedKey CreateOrganization(string organizationId, DateTimeOffset now) =>
        Create(KeyScope.Organization, organizationId, null, null, now);

    /// <summary>Makes the first key of a scope below another one. Throws when the scope has a key or the parent has none.</summary>
    public WrappedKey Create(KeyScope scope, string scopeId, KeyScope? parentScope, string? parentScopeId, DateTimeOffset now)
    {
        if (!MayStandUnder(scope, parentScope))
        {
            throw new ArgumentException(
                $"A key of {scope} does not stand under {parentScope?.ToString() ?? "the master key"}.", nameof(parentScope));
        }

        if (_versions.ContainsKey((scope, scopeId)))
        {
            throw new InvalidOperationException($"{scope} {scopeId} has a key already. Rotate it.");
        }

        var parent = parentScope is { } above ? Require(above, parentScopeId!) : null;
        return Make(scope, scopeId, parent, 1, now);
    }

    /// <summary>Makes the next version of a scope's key; what was sealed before opens with the version in its header.</summary>
    public WrappedKey Rotate(KeyScope scope, string scopeId, DateTimeOffset now)
    {
        var latest = LatestSlot(scope, scopeId) ?? throw Missing(scope, scopeId);
        return Make(scope, scopeId, CurrentParentOf(latest.Row), checked(latest.Row.Version + 1), now);
    }

    /// <summary>
    /// Takes in stored rows, in any order; known ones are passed over. Refuses with <c>keys_damaged</c>, and takes nothing,
    /// when a parent is neither known nor among them or two rows claim the same version.
    /// </summary>
    public Fault? Add(params IReadOnlyList<WrappedKey> rows)
    {
        lock (_gate)
        {
            var fresh = rows.Where(row => !_slots.ContainsKey(row.Id)).DistinctBy(static row => row.Id).ToList();
            var byId = fresh.ToDictionary(static row => row.Id, StringComparer.Ordinal);
            var taken = new HashSet<(KeyScope, string, int)>();
            var wrong = fresh.Where(row => !HasItsPlace(row, byId)
                || !taken.Add((row.Scope, row.ScopeId, row.Version))
                || Find(row.Scope, row.ScopeId, row.Version) is not null).Select(static row => row.Id).ToList();
            if (wrong.Count > 0)
            {
                return SealingFaults.KeysDamaged(string.Join(", ", wrong));
            }

            foreach (var group in fresh.GroupBy(static row => (row.Scope, row.ScopeId)))
            {
                var slots = group.Select(static row => new KeySlot(row)).ToList();
                slots.ForEach(slot => _slots[slot.Row.Id] = slot);
                var known = _versions.TryGetValue(group.Key, out var before) ? before : [];
                _versions[group.Key] = [.. known.Concat(slots).OrderBy(static slot => slot.Row.Version)];
            }

            return null;
        }
    }

    /// <summary>
    /// Forgets every version of a scope's key. Destroy the stored rows first; then nothing in this process opens what the key
    /// sealed. Keys below it are not forgotten with it.
    /// </summary>
    public void Forget(KeyScope scope, string scopeId)
    {
        lock (_gate)
        {
            if (_versions.TryRemove((scope, scopeId), out var slots))
            {
                foreach (var slot in slots)
                {
                    _slots.TryRemove(slot.Row.Id, out _);
                    slot.Open = null;
                }
            }
        }
    }

    /// <summary>
    /// The rows of all keys that stand under the master key, wrapped again under <paramref name="next"/>; ids and keys stay the
    /// same. Store them in one transaction, then call <see cref="Replace"/>.
    /// </summary>
    public IReadOnlyList<WrappedKey> Rewrap(MasterKey next) =>
        [.. _slots.Values.Where(static slot => slot.Row.ParentId is null).Select(slot => slot.Row with
        {
            Wrapped = Unwrapped(slot).WrapAgainUnder(next, slot.Row),
        })];

    /// <summary>
    /// The rows of the keys that still stand under an older version of this scope's key, wrapped again under its latest one.
    /// Store them in one transaction, then call <see cref="Replace"/>; after that the older version is needed for values only.
    /// </summary>
    public IReadOnlyList<WrappedKey> RewrapChildren(KeyScope scope, string scopeId)
    {
        var parent = Require(scope, scopeId);
        var older = _versions[(scope, scopeId)]
            .Select(static slot => slot.Row.Id)
            .Where(id => id != parent.Id)
            .ToHashSet(StringComparer.Ordinal);
        return [.. _slots.Values.Where(slot => slot.Row.ParentId is { } id && older.Contains(id)).Select(slot =>
        {
            var moved = slot.Row with { ParentId = parent.Id };
            return moved with { Wrapped = Unwrapped(slot).WrapAgainUnder(parent, moved) };
        })];
    }

    /// <summary>Takes over rows that were wrapped again and stored; with <paramref name="master"/>, that key is used from now on.</summary>
    public void Replace(IReadOnlyList<WrappedKey> rows, MasterKey? master = null)
    {
        lock (_gate)
        {
            _master = master?.Copy() ?? _master;
            foreach (var row in rows)
            {
                if (_slots.TryGetValue(row.Id, out var slot))
                {
                    slot.Row = row;
                }
            }
        }
    }

    /// <summary>The latest key of a scope, or null when there is none (never made, or erased).</summary>
    public ScopeKey? Current(KeyScope scope, string scopeId) => LatestSlot(scope, scopeId) is { } slot ? TryUnwrap(slot) : null;

    /// <summary>One version of a scope's key, or null.</summary>
    public ScopeKey? Version(KeyScope scope, string scopeId, int version) =>
        Find(scope, scopeId, version) is { } slot ? TryUnwrap(slot) : null;

    /// <summary>All versions of a scope's key that open, latest first; look-up by keyed hash tries each.</summary>
    public IReadOnlyList<ScopeKey> Versions(KeyScope scope, string scopeId) =>
        _versions.TryGetValue((scope, scopeId), out var slots) ? [.. slots.Reverse().Select(TryUnwrap).OfType<ScopeKey>()] : [];

    /// <summary>Seals under the latest key of a scope. Throws when the scope has none: a writer makes sure of it first.</summary>
    public byte[] Seal(KeyScope scope, string scopeId, in Cell cell, ReadOnlySpan<byte> plaintext) =>
        Require(scope, scopeId).Seal(cell, plaintext);

    /// <inheritdoc cref="Seal(KeyScope, string, in Cell, ReadOnlySpan{byte})"/>
    public byte[] Seal(KeyScope scope, string scopeId, in Cell cell, string text) =>
        Seal(scope, scopeId, cell, Encoding.UTF8.GetBytes(text));

    /// <summary>Opens with the key version that the envelope names. False when that key is gone or anything was changed.</summary>
    public bool TryOpen(
        KeyScope scope, string scopeId, in Cell cell, ReadOnlySpan<byte> envelope, [NotNullWhen(true)] out byte[]? plaintext)
    {
        plaintext = null;
        return Envelope.TryReadKeyVersion(envelope, out var version)
            && Version(scope, scopeId, version) is { } key
            && key.TryOpen(cell, envelope, out plaintext);
    }

    /// <inheritdoc cref="TryOpen(KeyScope, string, in Cell, ReadOnlySpan{byte}, out byte[])"/>
    public bool TryOpenText(
        KeyScope scope, string scopeId, in Cell cell, ReadOnlySpan<byte> envelope, [NotNullWhen(true)] out string? text)
    {
        text = TryOpen(scope, scopeId, cell, envelope, out var plaintext) ? Encoding.UTF8.GetString(plaintext) : null;
        return text is not null;
    }

    /// <summary>Whether a value was sealed by an older version than the scope's latest, so that re-keying should seal it again.</summary>
    public bool IsSealedByOlderKey(KeyScope scope, string scopeId, ReadOnlySpan<byte> envelope) =>
        Envelope.TryReadKeyVersion(envelope, out var version) && LatestSlot(scope, scopeId) is { } slot && version < slot.Row.Version;

    private static bool MayStandUnder(KeyScope scope, KeyScope? parent) => scope switch
    {
        KeyScope.Installation or KeyScope.Organization => parent is null,
        KeyScope.Workspace => parent is KeyScope.Organization,
        KeyScope.Crew => parent is KeyScope.Workspace,
        _ => parent is not (null or KeyScope.Subject),
    };

    private static bool CanOpen(MasterKey master, WrappedKey row)
    {
        var opens = master.TryUnwrap(row, out var key);
        CryptographicOperations.ZeroMemory(key);
        return opens;
    }

    private static InvalidOperationException Missing(KeyScope scope, string scopeId) => new($"There is no key of {scope} {scopeId}.");

    private WrappedKey Make(KeyScope scope, string scopeId, ScopeKey? parent, int version, DateTimeOffset now)
    {
        var row = new WrappedKey(Id.New(WrappedKey.IdPrefix, now), scope, scopeId, parent?.Id, version, [], now);
        Span<byte> key = stackalloc byte[Envelope.KeyBytes];
        RandomNumberGenerator.Fill(key);
        row = row with { Wrapped = parent?.WrapFor(row, key) ?? _master.Wrap(row, key) };
        CryptographicOperations.ZeroMemory(key);
        return row;
    }

    private bool HasItsPlace(WrappedKey row, Dictionary<string, WrappedKey> fresh)
    {
        if (row.ParentId is not { } parentId)
        {
            return MayStandUnder(row.Scope, null);
        }

        var parent = _slots.TryGetValue(parentId, out var slot) ? slot.Row : fresh.GetValueOrDefault(parentId);
        return parent is not null && MayStandUnder(row.Scope, parent.Scope);
    }

    private ScopeKey? CurrentParentOf(WrappedKey row) =>
        row.ParentId is null ? null : Require(_slots[row.ParentId].Row.Scope, _slots[row.ParentId].Row.ScopeId);

    private KeySlot? LatestSlot(KeyScope scope, string scopeId) =>
        _versions.TryGetValue((scope, scopeId), out var slots) ? slots[^1] : null;

    private KeySlot? Find(KeyScope scope, string scopeId, int version) =>
        _versions.TryGetValue((scope, scopeId), out var slots) ? Array.Find(slots, slot => slot.Row.Version == version) : null;

    private ScopeKey Require(KeyScope scope, string scopeId) => Current(scope, scopeId) ?? throw Missing(scope, scopeId);

    private ScopeKey Unwrapped(KeySlot slot) => TryUnwrap(slot) ?? throw Missing(slot.Row.Scope, slot.Row.ScopeId);

    private ScopeKey? TryUnwrap(KeySlot slot)
    {
        if (slot.Open is { } open)
        {
            return open;
        }

        var row = slot.Row;
        byte[]? key;
        if (row.ParentId is null)
        {
            if (!_master.TryUnwrap(row, out key))
            {
                return null;
            }
        }
        else if (!_slots.TryGetValue(row.ParentId, out var parentSlot)
            || TryUnwrap(parentSlot) is not { } parent
            || !parent.TryUnwrap(row, out key))
        {
            return null;
        }

        // Two threads may unwrap the same key at once; both get the one that was kept.
        var fresh = new ScopeKey(row, key);
        var kept = Interlocked.CompareExchange(ref slot.Open, fresh, null) ?? fresh;
        if (ReferenceEquals(kept, fresh) && row.Scope == KeyScope.Subject)
        {
            KeepFewSubjectsOpen(slot);
        }

        return kept;
    }

    private void KeepFewSubjectsOpen(KeySlot slot)
    {
        _openSubjects.Enqueue(slot);
        while (_openSubjects.Count > MaxOpenSubjectKeys && _openSubjects.TryDequeue(out var oldest))
        {
            // Not wiped: another thread may be sealing with it. The garbage collector takes it.
            oldest.Open = null;
        }
    }

    private sealed class KeySlot(WrappedKey row)
    {
        public volatile WrappedKey Row = row;
        public ScopeKey? Open;
    }
}
