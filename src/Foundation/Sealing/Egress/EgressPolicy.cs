using System.Collections.Frozen;
using System.Globalization;
using System.Net;
using System.Text;
using Crew.Kernel;

namespace Crew.Sealing.Egress;

/// <summary>
/// Which hosts inside the operator's own network tenants' calls may reach, from <c>CREW_EGRESS_ALLOW</c>: comma-separated
/// <c>purpose@host[:port]</c>; a bare host means <c>provider</c>, no port means every port. A listed host may be called by plain
/// http and may be on this machine or in a private network. Listing never opens metadata, link-local or reserved addresses.
/// </summary>
public sealed class EgressPolicy
{
    /// <summary>Entries that a list may have.</summary>
    public const int MaxEntries = 256;

    private const int AnyPort = 0;

    private readonly FrozenSet<(EgressPurpose Purpose, string Host, int Port)> _listed;

    private EgressPolicy(IEnumerable<(EgressPurpose, string, int)> listed) => _listed = listed.ToFrozenSet();

    /// <summary>Public addresses by https only.</summary>
    public static EgressPolicy Closed { get; } = new([]);

    /// <summary>Reads the list; null and empty are <see cref="Closed"/>. A bad entry is refused by its number and reason.</summary>
    public static Outcome<EgressPolicy> Parse(string? text)
    {
        if (string.IsNullOrWhiteSpace(text))
        {
            return Closed;
        }

        var entries = text.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);
        if (entries.Length > MaxEntries)
        {
            return EgressFaults.ListMalformed(MaxEntries + 1, $"there are more than {MaxEntries} entries");
        }

        var listed = new List<(EgressPurpose, string, int)>();
        for (var at = 0; at < entries.Length; at++)
        {
            if (ParseEntry(entries[at], out var entry) is { } problem)
            {
                return EgressFaults.ListMalformed(at + 1, problem);
            }

            listed.Add(entry);
        }

        return new EgressPolicy(listed);
    }

    /// <summary>Whether the list names this host and port for this purpose.</summary>
    public bool IsListed(EgressPurpose purpose, string host, int port)
    {
        if (_listed.Count == 0)
        {
            return false;
        }

        var name = Normalize(host);
        return _listed.Contains((purpose, name, port)) || _listed.Contains((purpose, name, AnyPort));
    }

    /// <summary>
    /// What keeps a URL from being called at all, before its name is resolved: scheme, credentials in it, plain http to a host
    /// that is not listed, or an address literal that may not be dialled. Null when nothing does. Pure.
    /// </summary>
    public EgressRefusal? Check(EgressPurpose purpose, Uri? url)
    {
        if (url is not { IsAbsoluteUri: true } || url.Scheme is not ("https" or "http") || url.IdnHost.Length == 0)
        {
            return new EgressRefusal(EgressRefusalReason.SchemeNotAllowed, purpose, "", 0);
        }

        var (host, port) = (url.IdnHost, url.Port);
        if (url.UserInfo.Length > 0)
        {
            return new EgressRefusal(EgressRefusalReason.CredentialsInUrl, purpose, host, port);
        }

        if (url.Scheme == "http" && !IsListed(purpose, host, port))
        {
            return new EgressRefusal(EgressRefusalReason.PlainHttp, purpose, host, port);
        }

        return IPAddress.TryParse(host, out var address) ? Check(purpose, host, port, address) : null;
    }

    /// <summary>What keeps an address from being dialled for a host; null when nothing does. Pure.</summary>
    public EgressRefusal? Check(EgressPurpose purpose, string host, int port, IPAddress address)
    {
        var kind = Addresses.Classify(address);
        return Addresses.MayDial(kind, kind != AddressClass.Public && IsListed(purpose, host, port))
            ? null
            : new EgressRefusal(EgressRefusalReason.AddressNotAllowed, purpose, host, port, kind);
    }

    private static string? ParseEntry(string entry, out (EgressPurpose Purpose, string Host, int Port) parsed)
    {
        parsed = (EgressPurpose.Provider, "", AnyPort);
        var place = entry;
        if (entry.IndexOf('@', StringComparison.Ordinal) is >= 0 and var mark)
        {
            if (!EgressPurposes.TryParse(entry.AsSpan(0, mark), out parsed.Purpose))
            {
                return "its purpose is none of webhook, code, sso, crawl, provider";
            }

            place = entry[(mark + 1)..];
        }

        var host = place;
        var colon = place.LastIndexOf(':');
        var isBareV6 = colon >= 0 && !place.StartsWith('[') && place.IndexOf(':', StringComparison.Ordinal) != colon;
        if (colon > place.LastIndexOf(']') && colon >= 0 && !isBareV6)
        {
            host = place[..colon];
            if (!int.TryParse(place.AsSpan(colon + 1), NumberStyles.None, CultureInfo.InvariantCulture, out parsed.Port)
                || parsed.Port is < 1 or > 65535)
            {
                return "its port is not a number from 1 to 65535";
            }
        }

        if (Uri.CheckHostName(host) is UriHostNameType.Unknown or UriHostNameType.Basic)
        {
            return "its host is neither a name nor an address (write purpose@host[:port], without scheme, path or wildcard)";
        }

        if (!Ascii.IsValid(host))
        {
            return "its host has letters outside ASCII (write the xn-- form)";
        }

        parsed.Host = Normalize(host);
        return null;
    }

    /// <summary>One spelling for a host: addresses in their shortest form, names in lower-case ASCII without a final dot.</summary>
    private static string Normalize(string host)
    {
        if (IPAddress.TryParse(host, out var address))
        {
            return (address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : address).ToString();
        }

        return host.TrimEnd('.').ToLowerInvariant();
    }
}
