using System.Collections.Concurrent;
using System.Net;
using System.Text;
using Crew.Kernel;
using Crew.Sealing;
using Crew.Storage;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Hosting;

namespace Crew.Keys;

/// <summary>Last use and daily counts per key, coalesced in memory and written every ten seconds in small steps.</summary>
internal sealed class KeyMarks(Store store, KeyMint mint, TimeProvider clock) : BackgroundService
{
    private const int PeriodSeconds = 10;
    private const int RowsPerStep = 100;

    /// <summary>So long without use is a silence.</summary>
    private const int SilentDays = 90;

    /// <summary>
    /// Different (key, endpoint, status, address) counted between two flushes; beyond it addresses are lumped together, as those are that
    /// are not to be kept (<see cref="IPAddress.None"/>).
    /// </summary>
    private const int MostTallies = 50_000;

    private readonly ConcurrentDictionary<(string KeyId, string Endpoint, int Status, IPAddress Address), Tally> _tallies = new();

    /// <summary>How many there are, roughly: the dictionary would take all of its locks to say.</summary>
    private int _count;

    public void Used(Caller caller, string endpoint, int status, IPAddress address, DateTimeOffset at)
    {
        var place = (caller.Actor.Id, endpoint, status, Volatile.Read(ref _count) < MostTallies ? address : IPAddress.None);
        var tally = _tallies.TryGetValue(place, out var known) ? known : Begin(place, caller.WorkspaceId);
        Interlocked.Increment(ref tally.Count);
        Volatile.Write(ref tally.LastAt, at.ToUnixTimeMilliseconds());
    }

    private Tally Begin((string KeyId, string Endpoint, int Status, IPAddress Address) place, string workspaceId)
    {
        var begun = new Tally(workspaceId);
        var tally = _tallies.GetOrAdd(place, begun);
        if (ReferenceEquals(tally, begun))
        {
            Interlocked.Increment(ref _count);
        }

        return tally;
    }

    /// <summary>Writes what was counted so far. Idempotent: a tally leaves memory as it is written, and comes back when the write fails.</summary>
    public async Task FlushAsync(CancellationToken cancel)
    {
        foreach (var step in _tallies.ToArray().Chunk(RowsPerStep))
        {
            var taken = step.Select(t => (Place: t.Key, t.Value.WorkspaceId, Count: Interlocked.Exchange(ref t.Value.Count, 0), LastAt: Volatile.Read(ref t.Value.LastAt)))
                .Where(t => t.Count > 0).ToList();
            var written = await store.ChangeAsync<bool>(SystemJob.KeyMarks, Origin.System, db => WriteAsync(db, taken), cancel);
            foreach (var (place, _, count, _) in written.Fault is null ? [] : taken)
            {
                Interlocked.Add(ref _tallies[place].Count, count);
            }

            foreach (var idle in step.Where(t => Volatile.Read(ref t.Value.Count) == 0 && clock.GetUtcNow().ToUnixTimeMilliseconds() - t.Value.LastAt > 60_000))
            {
                if (_tallies.TryRemove(idle))
                {
                    Interlocked.Decrement(ref _count);
                }
            }
        }
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(TimeSpan.FromSeconds(PeriodSeconds), clock);
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
                    // The counts stay in memory; the next tick tries again.
                }
            }
        }
        catch (OperationCanceledException)
        {
            await FlushAsync(CancellationToken.None);
        }
    }

    private async Task<Outcome<bool>> WriteAsync(
        Db db, List<((string KeyId, string Endpoint, int Status, IPAddress Address) Place, string WorkspaceId, long Count, long LastAt)> taken)
    {
        foreach (var (place, workspaceId, count, lastAt) in taken)
        {
            if (mint.Ring.Current(KeyScope.Workspace, workspaceId) is not { } scope)
            {
                continue;
            }

            var isKnown = !place.Address.Equals(IPAddress.None);
            var address = isKnown ? place.Address.ToString() : "";
            var ip = Encoding.ASCII.GetBytes(address);
            await KeyUsageAppend.AddAsync(db, workspaceId, place.KeyId, (int)(lastAt / 86_400_000), place.Endpoint, place.Status,
                Convert.ToHexStringLower(scope.LookupHash("keys_usage.ip", address)),
                isKnown ? scope.Seal(KeyCells.UsageIp(workspaceId, place.KeyId), ip) : null, count, lastAt);
            await NoteAwakeningAsync(db, place.KeyId, DateTimeOffset.FromUnixTimeMilliseconds(lastAt));
            await db.Set<ApiKey>().Where(k => k.Id == place.KeyId).ExecuteUpdateAsync(k => k
                .SetProperty(p => p.LastUsedAt, DateTimeOffset.FromUnixTimeMilliseconds(lastAt))
                .SetProperty(p => p.LastUsedIpSealed, isKnown ? scope.Seal(KeyCells.LastUsedIp(workspaceId, place.KeyId), ip) : null));
        }

        return true;
    }

    /// <summary>A key that nobody has used for months and that is used now is worth a look: its owner may not know that it still exists.</summary>
    private static async Task NoteAwakeningAsync(Db db, string keyId, DateTimeOffset at)
    {
        var silent = at.AddDays(-SilentDays);
        var woken = await db.Set<ApiKey>().AsNoTracking()
            .SingleOrDefaultAsync(k => k.Id == keyId && (k.LastUsedAt < silent || (k.LastUsedAt == null && k.CreatedAt < silent)));
        if (woken is not null)
        {
            db.Raise(new Event("api_key.awoken", new Resource("api_key", woken.Id, woken.Name))
            {
                Tenant = new Tenant(woken.OrganizationId, woken.WorkspaceId),
                CrewId = woken.CrewId,
                Changes = [new FieldChange("last_used_at", woken.LastUsedAt is { } last ? Timestamp.ToText(last) : null, Timestamp.ToText(at))],
            });
        }
    }

    private sealed class Tally(string workspaceId)
    {
        public long Count;
        public long LastAt;

        public string WorkspaceId { get; } = workspaceId;
    }
}
