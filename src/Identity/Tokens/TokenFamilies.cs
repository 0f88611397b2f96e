using System.Collections.Concurrent;
using Crew.Kernel;
using Crew.Storage;
using Microsoft.EntityFrameworkCore;

namespace Crew.Identity.Tokens;

/// <summary>
/// Families in memory, loaded at first use. A family changes only by being revoked (what a refresh moves is not held here), so a change on
/// the feed ends what runs on it. Applying it here is this node's part of the fence.
/// </summary>
internal sealed class TokenFamilies
{
    public const string FeedTopic = "token_families";

    /// <summary>Beyond this many, those that were not asked for in two hours go: no access token lives longer than one.</summary>
    private const int MostHeld = 50_000;

    private const int IdleHours = 2;

    private readonly Store _store;
    private readonly TimeProvider _clock;
    private readonly ConcurrentDictionary<string, LiveFamily> _held = new(StringComparer.Ordinal);

    /// <summary>How many are held, roughly: the dictionary would take all of its locks to say.</summary>
    private int _count;

    public TokenFamilies(Store store, TimeProvider clock)
    {
        (_store, _clock) = (store, clock);
        store.Feed.Follow(FeedTopic, (ids, _) =>
        {
            foreach (var id in ids)
            {
                Drop(id, isRevoked: true);
            }

            return Task.CompletedTask;
        });
    }

    /// <summary>The family, revoked or not; null when there is none with that id.</summary>
    /// <exception cref="StorageUnavailableException">The database did not answer.</exception>
    public ValueTask<LiveFamily?> FindAsync(string id, CancellationToken cancel)
    {
        if (!_held.TryGetValue(id, out var held))
        {
            return LoadAsync(id, cancel);
        }

        held.AskedAt = _clock.GetTimestamp();
        return ValueTask.FromResult<LiveFamily?>(held);
    }

    /// <summary>Ends what runs on a family; who comes with it again is judged anew.</summary>
    public void Cut(string id) => Drop(id, isRevoked: true);

    private async ValueTask<LiveFamily?> LoadAsync(string id, CancellationToken cancel)
    {
        while (true)
        {
            var version = _store.Feed.Applied;
            var row = await _store.ReadAsync(SystemJob.TokenLookup, db => db.Set<TokenFamily>().AsNoTracking().SingleOrDefaultAsync(f => f.Id == id, cancel), cancel);
            if (row is null)
            {
                return null;
            }

            var read = new LiveFamily(row) { AskedAt = _clock.GetTimestamp() };
            var held = _held.GetOrAdd(id, read);
            if (ReferenceEquals(held, read) && Interlocked.Increment(ref _count) > MostHeld)
            {
                Sweep();
            }

            // A change that was applied while we read may have found nothing to drop: then what was read may be old.
            if (_store.Feed.Applied == version)
            {
                return held;
            }

            Drop(id, isRevoked: false);
        }
    }

    private void Sweep()
    {
        foreach (var (id, family) in _held)
        {
            if (_clock.GetElapsedTime(family.AskedAt).TotalHours > IdleHours)
            {
                Drop(id, isRevoked: false);
            }
        }
    }

    private void Drop(string id, bool isRevoked)
    {
        if (_held.TryRemove(id, out var family))
        {
            Interlocked.Decrement(ref _count);
            family.Leave(isRevoked);
        }
    }
}

/// <summary>A family as requests meet it. Replaced as a whole.</summary>
internal sealed class LiveFamily
{
    private readonly CancellationTokenSource _revoked = new();
    private readonly Lock _gate = new();
    private CancellationTokenRegistration _key;
    private CancellationToken _keyRevoked;
    private CancellationTokenRegistration _person;
    private CancellationToken _personChanged;

    public LiveFamily(TokenFamily row)
    {
        _ = PermissionSet.TryParse(row.Permissions, out var rights, out _);
        (Id, Tenant, KeyId, UserId, Subject, CrewId) = (row.Id, new Tenant(row.OrganizationId, row.WorkspaceId), row.KeyId, row.UserId, row.Subject, row.CrewId);
        (Rights, ExpiresInSeconds, EndsAt, IsRevoked) = (rights, row.ExpiresInSeconds, row.EndsAt, row.RevokedAt is not null);
        Actor = new Actor("token", row.Id) { KeyId = row.KeyId };
    }

    public string Id { get; }

    public Tenant Tenant { get; }

    public Actor Actor { get; }

    public string KeyId { get; }

    public string? UserId { get; }

    public string Subject { get; }

    public PermissionSet Rights { get; }

    public string? CrewId { get; }

    public int ExpiresInSeconds { get; }

    public DateTimeOffset EndsAt { get; }

    public bool IsRevoked { get; }

    /// <summary>Fires when the family or the key behind it is revoked: open streams end.</summary>
    public CancellationToken Revoked => _revoked.Token;

    /// <summary>By the monotonic clock, for the sweep.</summary>
    public long AskedAt { get; set; }

    /// <summary>Lets the end of the key end this, too.</summary>
    public void DependOn(CancellationToken keyRevoked)
    {
        if (_keyRevoked == keyRevoked)
        {
            return;
        }

        lock (_gate)
        {
            if (_keyRevoked != keyRevoked)
            {
                _key.Dispose();
                (_keyRevoked, _key) = (keyRevoked, keyRevoked.UnsafeRegister(static family => ((LiveFamily)family!)._revoked.Cancel(), this));
            }
        }
    }

    /// <summary>Has somebody look again at the person when they have changed, so that streams of one who has left end, too.</summary>
    public void Watch(Func<LiveFamily, Task> lookAgain, CancellationToken personChanged)
    {
        lock (_gate)
        {
            if (_personChanged != personChanged)
            {
                _person.Dispose();
                (_personChanged, _person) = (personChanged, personChanged.UnsafeRegister(_ => Task.Run(() => lookAgain(this)), null));
            }
        }
    }

    /// <summary>This is not held any more; when it was revoked, what runs on it ends.</summary>
    public void Leave(bool isRevoked)
    {
        if (isRevoked)
        {
            _key.Dispose();
            _person.Dispose();
            _revoked.Cancel();
        }
    }
}
