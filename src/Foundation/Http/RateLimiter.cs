using System.Collections.Concurrent;
using System.Net;
using Crew.Kernel;
using Crew.Storage;

namespace Crew.Http;

/// <summary>
/// The limits of the way in: per workspace, per credential, and per address where nobody is known yet. Workspaces and credentials are
/// counted over all nodes, addresses by each node for itself.
/// </summary>
internal sealed class RateLimiter(RateDesk desk, Lazy<Store> store, TimeProvider clock)
{
    /// <summary>Requests a minute of one address without a valid credential.</summary>
    public const int UnauthenticatedPerMinute = 300;

    /// <summary>Beyond this many tracked subjects, idle ones are dropped at the next window.</summary>
    private const int MostSubjects = 200_000;

    private readonly ConcurrentDictionary<string, RateWindow> _subjects = new();
    private readonly ConcurrentDictionary<IPAddress, RateWindow> _addresses = new();
    private long _sweptWindow;

    /// <summary>
    /// Counts a request against workspace and credential; the tighter one shows in the headers. A fault says that nobody can count,
    /// because the database that does it for all nodes is away.
    /// </summary>
    public async ValueTask<(Outcome<RateDecision> Decision, string Scope)> TakeAsync(WorkspaceView workspace, Caller caller)
    {
        var whole = await CountAsync(workspace.Id, workspace.RequestsPerMinute);
        if (whole.Fault is not null || !whole.Value.Allowed || caller.RateLimitPerMinute is not { } own || own >= workspace.RequestsPerMinute)
        {
            return (whole, "workspace");
        }

        var key = await CountAsync(caller.LineageId, own);
        return key.Fault is not null || !key.Value.Allowed || key.Value.Remaining <= whole.Value.Remaining ? (key, "key") : (whole, "workspace");
    }

    /// <summary>What the headers show of an address whose request is not counted.</summary>
    public RateDecision Look(IPAddress address) =>
        Window(_addresses, Network(address)).Look(UnauthenticatedPerMinute, clock.GetUtcNow().ToUnixTimeSeconds());

    /// <summary>Counts a request of an address without a valid credential.</summary>
    public RateDecision Take(IPAddress address)
    {
        var now = clock.GetUtcNow().ToUnixTimeSeconds();
        Sweep(now / RateWindow.WindowSeconds);
        return Window(_addresses, Network(address)).Take(UnauthenticatedPerMinute, now);
    }

    /// <summary>A node among others takes from what they share; a server alone counts for itself.</summary>
    private ValueTask<Outcome<RateDecision>> CountAsync(string subject, int limit)
    {
        if (store.Value.Node.Epoch != 0)
        {
            return desk.TakeAsync(subject, limit);
        }

        var now = clock.GetUtcNow().ToUnixTimeSeconds();
        Sweep(now / RateWindow.WindowSeconds);
        return ValueTask.FromResult<Outcome<RateDecision>>(Window(_subjects, subject).Take(limit, now));
    }

    /// <summary>An IPv6 subscriber owns a /64: counting single addresses would count nothing.</summary>
    internal static IPAddress Network(IPAddress address)
    {
        if (address.AddressFamily != System.Net.Sockets.AddressFamily.InterNetworkV6)
        {
            return address;
        }

        Span<byte> bytes = stackalloc byte[16];
        address.TryWriteBytes(bytes, out _);
        bytes[8..].Clear();
        return new IPAddress(bytes);
    }

    private static RateWindow Window<TKey>(ConcurrentDictionary<TKey, RateWindow> windows, TKey subject)
        where TKey : notnull =>
        windows.TryGetValue(subject, out var window) ? window : windows.GetOrAdd(subject, static _ => new RateWindow());

    private void Sweep(long window)
    {
        if (Volatile.Read(ref _sweptWindow) == window || Interlocked.Exchange(ref _sweptWindow, window) == window
            || _subjects.Count + _addresses.Count < MostSubjects)
        {
            return;
        }

        foreach (var (subject, counted) in _subjects.Where(p => p.Value.LastWindow < window - 1).ToList())
        {
            _subjects.TryRemove(KeyValuePair.Create(subject, counted));
        }

        foreach (var (address, counted) in _addresses.Where(p => p.Value.LastWindow < window - 1).ToList())
        {
            _addresses.TryRemove(KeyValuePair.Create(address, counted));
        }
    }
}
