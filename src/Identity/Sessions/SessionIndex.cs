using System.Collections.Concurrent;
using Crew.Identity.Accounts;
using Crew.Kernel;
using Crew.Storage;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Hosting;

namespace Crew.Identity.Sessions;

/// <summary>
/// Live sessions in memory, by the hash of their cookie, loaded at first use. Ending one is fenced: it answers when no node takes its cookie.
/// When each was last seen is written every ten seconds.
/// </summary>
internal sealed class SessionIndex : BackgroundService
{
    public const string FeedTopic = "sessions";
    public const string Kind = "session";
    private const int PeriodSeconds = 10;

    /// <summary>Beyond this many all are dropped, and come back as they are needed.</summary>
    private const int MostHeld = 50_000;

    private readonly Store _store;
    private readonly BearerMint _mint;
    private readonly TimeProvider _clock;
    private readonly ConcurrentDictionary<string, LiveSession> _held = new(StringComparer.Ordinal);

    public SessionIndex(Store store, BearerMint mint, TimeProvider clock)
    {
        (_store, _mint, _clock) = (store, mint, clock);
        store.Feed.Follow(FeedTopic, (hashes, _) =>
        {
            foreach (var hash in hashes)
            {
                Drop(hash, isOver: true);
            }

            return Task.CompletedTask;
        });
    }

    /// <summary>The live session of a cookie; null for one that has ended, or never was.</summary>
    /// <exception cref="StorageUnavailableException">The database did not answer.</exception>
    public async ValueTask<LiveSession?> FindAsync(string? text, CancellationToken cancel)
    {
        if (_mint.HashOf(Kind, text) is not { } hash)
        {
            return null;
        }

        return _held.TryGetValue(hash, out var held) ? held : await LoadAsync(hash, cancel);
    }

    /// <summary>Reads it anew: another node may have seen it later than this one.</summary>
    public ValueTask<LiveSession?> ReloadAsync(LiveSession session, CancellationToken cancel)
    {
        Drop(session.TokenHash, isOver: false);
        return LoadAsync(session.TokenHash, cancel);
    }

    /// <summary>Writes when sessions were last seen. Idempotent.</summary>
    public async Task FlushAsync(CancellationToken cancel)
    {
        foreach (var step in _held.Values.Select(s => (s.Id, Seen: s.TakeMark())).Where(s => s.Seen is not null).Chunk(100))
        {
            await _store.ChangeAsync<bool>(SystemJob.People, Origin.System, async db =>
            {
                foreach (var (id, seen) in step)
                {
                    await db.Set<Session>().Where(s => s.Id == id && s.LastSeenAt < seen!.Value)
                        .ExecuteUpdateAsync(s => s.SetProperty(p => p.LastSeenAt, seen!.Value), CancellationToken.None);
                }

                return true;
            }, cancel);
        }
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(TimeSpan.FromSeconds(PeriodSeconds), _clock);
        try
        {
            while (await timer.WaitForNextTickAsync(stoppingToken))
            {
                try
                {
                    await FlushAsync(stoppingToken);
                }
                catch (StorageUnavailableException)
                {
                    // A later use of the session is written at a later tick.
                }
            }
        }
        catch (OperationCanceledException)
        {
            await FlushAsync(CancellationToken.None);
        }
    }

    private async ValueTask<LiveSession?> LoadAsync(string hash, CancellationToken cancel)
    {
        while (true)
        {
            var version = _store.Feed.Applied;
            var (row, due) = await _store.ReadAsync(SystemJob.People, async db =>
            {
                var found = await db.Set<Session>().AsNoTracking().SingleOrDefaultAsync(s => s.TokenHash == hash && s.RevokedAt == null, cancel);
                var userId = found?.UserId ?? "";
                return (found, await db.Set<Account>().AsNoTracking().Where(a => a.UserId == userId).Select(a => a.MfaDueAt).SingleOrDefaultAsync(cancel));
            }, cancel);
            if (row is null)
            {
                return null;
            }

            if (_held.Count >= MostHeld)
            {
                _held.Keys.ToList().ForEach(h => Drop(h, isOver: false));
            }

            var held = _held.GetOrAdd(hash, new LiveSession(row, due));

            // A session that ended while we read may not have been there to drop: then what was read is old.
            if (_store.Feed.Applied == version)
            {
                return held;
            }

            Drop(hash, isOver: false);
        }
    }

    /// <summary>Forgets a session. What runs on it is cut only where it may be over: a mere reload leaves that alone.</summary>
    private void Drop(string hash, bool isOver)
    {
        if (_held.TryRemove(hash, out var session) && isOver)
        {
            session.Cut();
        }
    }
}
