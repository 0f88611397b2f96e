using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;

namespace Crew.Sealing.Egress;

/// <summary>What kind of place an IP address is (the IANA special-purpose registries of RFC 6890, and what clouds add to them).</summary>
public enum AddressClass
{
    /// <summary>On the public internet.</summary>
    Public,

    /// <summary>This machine.</summary>
    Loopback,

    /// <summary>RFC 1918, and RFC 6598 (shared by carriers and overlay networks).</summary>
    Private,

    /// <summary>RFC 4193.</summary>
    UniqueLocal,

    /// <summary>RFC 3927 and RFC 4291 section 2.5.6.</summary>
    LinkLocal,

    Multicast,

    /// <summary>Where a cloud answers with the machine's credentials.</summary>
    Metadata,

    /// <summary>An IPv6 address that stands for an IPv4 one behind a translator or tunnel: NAT64, 6to4, Teredo.</summary>
    Translated,

    /// <summary>Everything else that no public server has.</summary>
    Reserved,
}

/// <summary>Sorts addresses. Pure.</summary>
public static class Addresses
{
    private static readonly (uint Network, int Bits, AddressClass Class)[] _v4 =
    [
        V4("169.254.169.254", 32, AddressClass.Metadata),
        V4("169.254.169.253", 32, AddressClass.Metadata),
        V4("169.254.170.2", 32, AddressClass.Metadata),
        V4("169.254.170.23", 32, AddressClass.Metadata),
        V4("100.100.100.200", 32, AddressClass.Metadata),
        V4("168.63.129.16", 32, AddressClass.Metadata),
        V4("192.0.0.192", 32, AddressClass.Metadata),
        V4("0.0.0.0", 8, AddressClass.Reserved),
        V4("10.0.0.0", 8, AddressClass.Private),
        V4("100.64.0.0", 10, AddressClass.Private),
        V4("127.0.0.0", 8, AddressClass.Loopback),
        V4("169.254.0.0", 16, AddressClass.LinkLocal),
        V4("172.16.0.0", 12, AddressClass.Private),
        V4("192.0.0.0", 24, AddressClass.Reserved),
        V4("192.0.2.0", 24, AddressClass.Reserved),
        V4("192.31.196.0", 24, AddressClass.Reserved),
        V4("192.52.193.0", 24, AddressClass.Reserved),
        V4("192.88.99.0", 24, AddressClass.Translated),
        V4("192.168.0.0", 16, AddressClass.Private),
        V4("192.175.48.0", 24, AddressClass.Reserved),
        V4("198.18.0.0", 15, AddressClass.Reserved),
        V4("198.51.100.0", 24, AddressClass.Reserved),
        V4("203.0.113.0", 24, AddressClass.Reserved),
        V4("224.0.0.0", 4, AddressClass.Multicast),
        V4("240.0.0.0", 4, AddressClass.Reserved),
    ];

    private static readonly (UInt128 Network, int Bits, AddressClass Class)[] _v6 =
    [
        V6("fd00:ec2::254", 128, AddressClass.Metadata),
        V6("fd00:ec2::253", 128, AddressClass.Metadata),
        V6("fd00:ec2::23", 128, AddressClass.Metadata),
        V6("fd20:ce::254", 128, AddressClass.Metadata),
        V6("fe80::a9fe:a9fe", 128, AddressClass.Metadata),
        V6("::1", 128, AddressClass.Loopback),
        V6("fe80::", 10, AddressClass.LinkLocal),
        V6("fc00::", 7, AddressClass.UniqueLocal),
        V6("ff00::", 8, AddressClass.Multicast),
        V6("64:ff9b::", 96, AddressClass.Translated),
        V6("64:ff9b:1::", 48, AddressClass.Translated),
        V6("2002::", 16, AddressClass.Translated),
        V6("2001::", 32, AddressClass.Translated),
        V6("2001::", 23, AddressClass.Reserved),
        V6("2001:db8::", 32, AddressClass.Reserved),
        V6("2620:4f:8000::", 48, AddressClass.Reserved),
        V6("3fff::", 20, AddressClass.Reserved),
    ];

    /// <summary>Global unicast, the only part of IPv6 that is given out (RFC 4291 section 2.4); all else is reserved.</summary>
    private static readonly (UInt128 Network, int Bits, AddressClass Class) _globalUnicast = V6("2000::", 3, AddressClass.Public);

    /// <summary>The class of an address. An IPv4-mapped address has the class of the IPv4 address inside.</summary>
    public static AddressClass Classify(IPAddress address)
    {
        if (address.IsIPv4MappedToIPv6)
        {
            address = address.MapToIPv4();
        }

        Span<byte> bytes = stackalloc byte[16];
        address.TryWriteBytes(bytes, out _);
        return address.AddressFamily switch
        {
            AddressFamily.InterNetwork => ClassifyV4(BinaryPrimitives.ReadUInt32BigEndian(bytes)),
            AddressFamily.InterNetworkV6 => ClassifyV6(BinaryPrimitives.ReadUInt128BigEndian(bytes)),
            _ => AddressClass.Reserved,
        };
    }

    /// <summary>
    /// Whether a call may be dialled to such an address. The allow list opens this machine and private networks; metadata,
    /// link-local, translated, multicast and reserved addresses are never opened.
    /// </summary>
    public static bool MayDial(AddressClass address, bool isListed) => address switch
    {
        AddressClass.Public => true,
        AddressClass.Loopback or AddressClass.Private or AddressClass.UniqueLocal => isListed,
        _ => false,
    };

    private static AddressClass ClassifyV4(uint address)
    {
        foreach (var (network, bits, kind) in _v4)
        {
            if ((address ^ network) >> (32 - bits) == 0)
            {
                return kind;
            }
        }

        return AddressClass.Public;
    }

    private static AddressClass ClassifyV6(UInt128 address)
    {
        foreach (var (network, bits, kind) in _v6)
        {
            if ((address ^ network) >> (128 - bits) == UInt128.Zero)
            {
                return kind;
            }
        }

        return (address ^ _globalUnicast.Network) >> (128 - _globalUnicast.Bits) == UInt128.Zero
            ? AddressClass.Public
            : AddressClass.Reserved;
    }

    private static (uint Network, int Bits, AddressClass Class) V4(string network, int bits, AddressClass kind) =>
        (BinaryPrimitives.ReadUInt32BigEndian(IPAddress.Parse(network).GetAddressBytes()), bits, kind);

    private static (UInt128 Network, int Bits, AddressClass Class) V6(string network, int bits, AddressClass kind) =>
        (BinaryPrimitives.ReadUInt128BigEndian(IPAddress.Parse(network).GetAddressBytes()), bits, kind);
}
