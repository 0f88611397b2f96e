using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;

namespace Crew.Identity.SignIn;

/// <summary>
/// Holds guessing back without ever shutting a person out. Failures are counted for the account at one network, for the network over all
/// accounts, and for the account over all networks that it was never used from. A browser that the person has signed in with before is
/// counted by itself, so that a stranger's failures never reach it; a passkey and a mailed link work always.
/// Counted here per node and in memory; <see cref="SharedThrottle"/> counts over all nodes.
/// </summary>
internal sealed class Throttle(TimeProvider clock)
{
    /// <summary>Failures of one account at one network, or at one known browser, in a window.</summary>
    public const int PerPlace = 10;

    /// <summary>Failures of one network over all accounts in a window: an office behind one address mistypes, too.</summary>
    public const int PerNetwork = 100;

    /// <summary>Failures of one account over all strangers in a window (NIST SP 800-63B section 3.2.2: at most 100).</summary>
    public const int PerAccount = 100;

    private const int MostCounted = 200_000;
    public static readonly TimeSpan Window = TimeSpan.FromMinutes(15);

    private readonly ConcurrentDictionary<string, Count> _counts = new(StringComparer.Ordinal);

    /// <summary>Whether an attempt is to be judged at all. A refused one is answered as a wrong one is, and takes as long.</summary>
    public bool Allows(string emailHash, IPAddress address, string? device) => Array.TrueForAll(LimitsOf(emailHash, address, device), l => Of(l.Counted) < l.Most);

    /// <summary>What an attempt is counted under, and how many failures each bears.</summary>
    public static (string Counted, int Most)[] LimitsOf(string emailHash, IPAddress address, string? device) => device is not null
        ? [($"d|{device}|{emailHash}", PerPlace)]
        : [($"p|{Network(address)}|{emailHash}", PerPlace), ($"n|{Network(address)}", PerNetwork), ($"a|{emailHash}", PerAccount)];

    /// <summary>What a success forgets.</summary>
    public static string[] PlacesOf(string emailHash, IPAddress address, string? device) => device is not null
        ? [$"p|{Network(address)}|{emailHash}", $"d|{device}|{emailHash}"]
        : [$"p|{Network(address)}|{emailHash}"];

    /// <summary>
    /// Whether a network has failed so often that nothing it says is looked at. That is the same for every account, so it may be answered at once:
    /// one address must not keep the workers busy that hash everybody's passwords.
    /// </summary>
    public bool IsShut(IPAddress address, string? device) => device is null && Of($"n|{Network(address)}") >= PerNetwork;

    public void Failed(string emailHash, IPAddress address, string? device)
    {
        if (_counts.Count > MostCounted)
        {
            var before = clock.GetUtcNow() - Window;
            foreach (var old in _counts.Where(c => c.Value.Since < before).ToList())
            {
                _counts.TryRemove(old);
            }
        }

        foreach (var (counted, _) in LimitsOf(emailHash, address, device))
        {
            Add(counted);
        }
    }

    /// <summary>The person is who they say: what they mistyped here is forgotten.</summary>
    public void Succeeded(string emailHash, IPAddress address, string? device)
    {
        foreach (var counted in PlacesOf(emailHash, address, device))
        {
            _counts.TryRemove(counted, out _);
        }
    }

    private int Of(string what) => _counts.TryGetValue(what, out var count) && count.Since + Window > clock.GetUtcNow() ? count.Failures : 0;

    private void Add(string what)
    {
        var now = clock.GetUtcNow();
        _counts.AddOrUpdate(what, _ => new Count(1, now), (_, known) => known.Since + Window > now ? known with { Failures = known.Failures + 1 } : new Count(1, now));
    }

    /// <summary>A subscriber of IPv6 has a whole /64.</summary>
    private static string Network(IPAddress address) =>
        address.AddressFamily == AddressFamily.InterNetworkV6 ? new IPNetwork(new IPAddress([.. address.GetAddressBytes()[..8], .. new byte[8]]), 64).ToString() : address.ToString();

    private sealed record Count(int Failures, DateTimeOffset Since);
}
