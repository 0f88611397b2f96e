using System.Net;
using Crew.Kernel;
using Microsoft.AspNetCore.Http;

namespace Crew.Http;

/// <summary>
/// The address that a request came from. <c>X-Forwarded-For</c> counts only where the socket's peer is a trusted proxy, and only
/// up to the first address (from the right) that is not one: what stands further left is the client's own claim.
/// </summary>
public sealed class ClientAddress(IReadOnlyList<IPNetwork> trustedProxies)
{
    /// <summary>Reads <c>CREW_TRUSTED_PROXIES</c>: addresses or CIDR networks, comma-separated.</summary>
    public static Outcome<ClientAddress> Parse(string? setting)
    {
        var networks = new List<IPNetwork>();
        foreach (var entry in (setting ?? "").Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries))
        {
            if (!Networks.TryParse(entry, out var network))
            {
                return Faults.Invalid("CREW_TRUSTED_PROXIES", $"CREW_TRUSTED_PROXIES holds '{entry}', which is no address or CIDR network. Write for example 10.0.0.0/8,fd00::/8.");
            }

            networks.Add(network);
        }

        return new ClientAddress(networks);
    }

    public IPAddress Of(HttpContext http)
    {
        var peer = Normal(http.Connection.RemoteIpAddress ?? IPAddress.None);
        if (trustedProxies.Count == 0 || !IsTrusted(peer))
        {
            return peer;
        }

        var address = peer;
        var chain = http.Request.Headers["X-Forwarded-For"].ToString().Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
        for (var hop = chain.Length - 1; hop >= 0 && IsTrusted(address); hop--)
        {
            if (!IPAddress.TryParse(chain[hop], out var next))
            {
                break;
            }

            address = Normal(next);
        }

        return address;
    }

    private bool IsTrusted(IPAddress address) => Networks.Contains(trustedProxies, address);

    private static IPAddress Normal(IPAddress address) => address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : address;
}

/// <summary>Lists of networks in CIDR form, IPv4 and IPv6; a single address is a network of one.</summary>
public static class Networks
{
    public static bool TryParse(string text, out IPNetwork network)
    {
        network = default;
        if (!text.Contains('/', StringComparison.Ordinal))
        {
            if (!IPAddress.TryParse(text, out var address) || text.Contains('%', StringComparison.Ordinal))
            {
                return false;
            }

            network = new IPNetwork(address, address.AddressFamily == System.Net.Sockets.AddressFamily.InterNetwork ? 32 : 128);
            return true;
        }

        return IPNetwork.TryParse(text, out network);
    }

    public static bool Contains(IReadOnlyList<IPNetwork> networks, IPAddress address)
    {
        for (var index = 0; index < networks.Count; index++)
        {
            if (networks[index].BaseAddress.AddressFamily == address.AddressFamily && networks[index].Contains(address))
            {
                return true;
            }
        }

        return false;
    }
}
