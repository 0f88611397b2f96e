using System.Diagnostics.CodeAnalysis;
using System.Net;
using System.Net.Sockets;
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
            if (!TryRead(chain[hop], out var next))
            {
                break;
            }

            address = Normal(next);
        }

        return address;
    }

    /// <summary>An address as proxies write it: bare, or with a port (<c>192.0.2.1:4711</c>, <c>[2001:db8::1]:4711</c>).</summary>
    private static bool TryRead(string hop, [NotNullWhen(true)] out IPAddress? address)
    {
        var text = hop.Trim('"');
        if (text.StartsWith('['))
        {
            var end = text.IndexOf(']', StringComparison.Ordinal);
            return IPAddress.TryParse(end < 0 ? "" : text[1..end], out address);
        }

        var colon = text.IndexOf(':', StringComparison.Ordinal);
        return IPAddress.TryParse(colon > 0 && colon == text.LastIndexOf(':') ? text[..colon] : text, out address);
    }

    private bool IsTrusted(IPAddress address) => Networks.Contains(trustedProxies, address);

    /// <summary>A mapped address (<c>::ffff:192.0.2.1</c>) is the IPv4 address; the zone of a link-local one says nothing to other machines.</summary>
    private static IPAddress Normal(IPAddress address) => address.IsIPv4MappedToIPv6 ? address.MapToIPv4()
        : address is { AddressFamily: AddressFamily.InterNetworkV6, ScopeId: not 0 } ? new IPAddress(address.GetAddressBytes())
        : address;
}

/// <summary>Lists of networks in CIDR form, IPv4 and IPv6; a single address is a network of one.</summary>
public static class Networks
{
    /// <summary>Bits of <c>::ffff:0:0/96</c>, which IPv4 addresses are mapped below.</summary>
    private const int MappedPrefixBits = 96;

    /// <summary>
    /// Reads an address or a network. IPv4 only as four decimal numbers, because others read <c>010.0.0.1</c> and <c>0x7f.1</c> in another
    /// way; no zones. Bits behind the prefix count for nothing. A mapped network (<c>::ffff:192.0.2.0/120</c>) is the IPv4 network that it means.
    /// </summary>
    public static bool TryParse(string text, out IPNetwork network)
    {
        network = default;
        var slash = text.IndexOf('/', StringComparison.Ordinal);
        var host = slash < 0 ? text : text[..slash];
        if (text.AsSpan().ContainsAny('%', '[') || !IPAddress.TryParse(host, out var address)
            || (address.AddressFamily == AddressFamily.InterNetwork && address.ToString() != host))
        {
            return false;
        }

        if (slash < 0)
        {
            network = new IPNetwork(address, address.AddressFamily == AddressFamily.InterNetwork ? 32 : 128);
        }
        else if (!IPNetwork.TryParse(text, out network))
        {
            return false;
        }

        if (network.BaseAddress.IsIPv4MappedToIPv6 && network.PrefixLength >= MappedPrefixBits)
        {
            network = new IPNetwork(network.BaseAddress.MapToIPv4(), network.PrefixLength - MappedPrefixBits);
        }

        return true;
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
