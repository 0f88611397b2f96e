using System.Collections.Concurrent;

namespace Crew.Storage;

/// <summary>
/// Tells this process what changed in the database, in commit order, whoever changed it: this process, the command line beside
/// it, or another node. The version table is the truth; a change answers only after this process has followed it.
/// </summary>
public sealed class ChangeFeed
{
    private readonly Store _store;
    private readonly Dictionary<string, Func<IReadOnlyList<string>, CancellationToken, Task>> _followers = [];
    private readonly ConcurrentDictionary<string, Action<string>> _hints = new(StringComparer.Ordinal);
    private readonly SemaphoreSlim _turn = new(1);
    private long _applied = -1;

    internal ChangeFeed(Store store) => _store = store;

    /// <summary>The version up to which this process has followed.</summary>
    public long Applied => Volatile.Read(ref _applied);

    /// <summary>Hears each version that this process has followed up to.</summary>
    internal Action<long>? Followed { get; set; }

    /// <summary>Registers the one follower of a topic, before the feed starts. It gets the ids that changed and must be idempotent.</summary>
    public void Follow(string topic, Func<IReadOnlyList<string>, CancellationToken, Task> apply) => _followers.Add(topic, apply);

    /// <summary>
    /// Registers who hears a hint of another node on PostgreSQL, sent by <c>pg_notify('storage_changes', 'topic subject')</c>. A hint may be
    /// lost, and is no part of any promise.
    /// </summary>
    public void OnHint(string topic, Action<string> hear) => _hints[topic] = hear;

    /// <summary>Passes a hint on.</summary>
    internal void Hint(string hint)
    {
        var end = hint.IndexOf(' ', StringComparison.Ordinal);
        if (end > 0 && _hints.TryGetValue(hint[..end], out var hear))
        {
            hear(hint[(end + 1)..]);
        }
    }

    /// <summary>Whether anything ever changed in this database, beyond the making of its schema.</summary>
    public async Task<bool> HasMovedAsync(CancellationToken cancel) => await _store.ReadVersionAsync(cancel) > 0;

    /// <summary>Takes the current version as the starting point. Followers load their state after this, so nothing is missed.</summary>
    internal async Task StartAsync(CancellationToken cancel) => Move(await _store.ReadVersionAsync(cancel));

    /// <summary>Applies all changes up to now; returns when this process acts on them. Throws when the database does not answer.</summary>
    public async Task CatchUpAsync(CancellationToken cancel)
    {
        if (Applied < 0)
        {
            return;
        }

        await _turn.WaitAsync(cancel);
        try
        {
            while (await ApplyNextAsync(cancel))
            {
            }
        }
        finally
        {
            _turn.Release();
        }
    }

    private async Task<bool> ApplyNextAsync(CancellationToken cancel)
    {
        const int step = 1_000;
        var after = Applied;
        var rows = await _store.ReadFeedAsync(after, step, cancel);
        if (rows.Count == 0)
        {
            return false;
        }

        if (rows[0].Version != after + 1)
        {
            // Versions have no holes: this process slept for so long that what it missed was cleared away.
            throw new StorageUnavailableException("Changes that this process has not followed are gone. Start it again.", null);
        }

        foreach (var topic in rows.GroupBy(r => r.Topic))
        {
            if (_followers.TryGetValue(topic.Key, out var apply))
            {
                await apply([.. topic.Select(r => r.Subject).Distinct()], cancel);
            }
        }

        Move(rows[^1].Version);
        return rows.Count == step;
    }

    private void Move(long version)
    {
        Volatile.Write(ref _applied, version);
        Followed?.Invoke(version);
    }
}

/// <summary>One change, as the version table has it.</summary>
internal sealed record FeedRow(long Version, string Topic, string Subject);
