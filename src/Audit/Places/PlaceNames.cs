using System.Net;
using System.Net.Sockets;
using Crew.Audit.Contracts;

namespace Crew.Audit.Places;

/// <summary>
/// Where an address is, as far as it matters for "this person has never come from there": the country where the operator supplies a file, else
/// the network, a /24 of IPv4 or a /48 of IPv6, which is about the reach of one provider's customer or office.
/// </summary>
internal sealed class PlaceNames(PlaceFile? file)
{
    private const int Ipv4Bits = 24;
    private const int Ipv6Bits = 48;

    /// <summary>The name of the place, and the country where it is one; null for a text that is no address.</summary>
    public (string Name, string? Country)? Of(string? address)
    {
        if (!IPAddress.TryParse(address, out var ip))
        {
            return null;
        }

        ip = ip.IsIPv4MappedToIPv6 ? ip.MapToIPv4() : ip;
        return CountryOf(ip) is { } country ? ($"country:{country}", country) : ($"network:{NetworkOf(ip)}", null);
    }

    private string? CountryOf(IPAddress ip)
    {
        try
        {
            return file?.File.CountryOf(ip);
        }
        catch (InvalidDataException)
        {
            // Broken at that place: then the network says where it is.
            return null;
        }
    }

    private static IPNetwork NetworkOf(IPAddress ip)
    {
        var kept = ip.AddressFamily == AddressFamily.InterNetwork ? Ipv4Bits : Ipv6Bits;
        var bytes = ip.GetAddressBytes();
        bytes.AsSpan(kept / 8).Clear();
        return new IPNetwork(new IPAddress(bytes), kept);
    }
}
