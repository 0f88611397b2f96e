using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;
using Crew.Kernel;

namespace Crew.Sealing.Egress;

/// <summary>
/// The operator's outbound proxy: calls to the public internet go through a tunnel of it (<c>CONNECT</c>, RFC 9110 section 9.3.6).
/// What <see cref="EgressPolicy"/> lists is in the operator's own network and is dialled directly, so that plain http, which only goes
/// to listed hosts, never passes the proxy.
/// </summary>
public sealed class EgressProxy
{
    /// <summary>Entries that the list of exceptions may have.</summary>
    public const int MaxExceptions = 256;

    private readonly List<Exemption> _exceptions;

    private EgressProxy(Uri address, string? authorization, bool namesTargets, List<Exemption> exceptions) =>
        (Address, Authorization, NamesTargets, _exceptions) = (address, authorization, namesTargets, exceptions);

    /// <summary>Scheme (http, or https for TLS up to the proxy), host and port; never its credentials.</summary>
    public Uri Address { get; }

    /// <summary>
    /// False: the name is resolved here and the tunnel is asked for by checked address, which holds whatever the name answers later.
    /// True: the tunnel is asked for by name, for proxies that filter by name or where public names do not resolve here.
    /// </summary>
    public bool NamesTargets { get; }

    /// <summary>The value of the Proxy-Authorization header (RFC 7617); null without credentials.</summary>
    internal string? Authorization { get; }

    /// <summary>Reads the settings. Null for no proxy: an empty address, or the word <c>none</c>.</summary>
    /// <param name="address"><c>http://[user:password@]host:port</c>; without a scheme it is http, as in <c>HTTPS_PROXY</c>.</param>
    /// <param name="exceptions"><c>NO_PROXY</c>: hosts (with all below them), addresses, CIDR ranges, each with or without a port; <c>*</c> is all.</param>
    /// <param name="target"><c>address</c> (the default) or <c>name</c>; see <see cref="NamesTargets"/>.</param>
    public static Outcome<EgressProxy?> Parse(string? address, string? exceptions, string? target)
    {
        if (string.IsNullOrWhiteSpace(address) || address.Trim() == "none")
        {
            return (EgressProxy?)null;
        }

        var text = address.Trim();
        if (!Uri.TryCreate(text.Contains("://", StringComparison.Ordinal) ? text : "http://" + text, UriKind.Absolute, out var url)
            || url.Scheme is not ("http" or "https") || url.IdnHost.Length == 0 || url.AbsolutePath != "/" || url.Query.Length > 0)
        {
            // The text is not repeated: it may hold a password.
            return Faults.Invalid("CREW_EGRESS_PROXY", "The address of the outbound proxy (CREW_EGRESS_PROXY, or HTTPS_PROXY) cannot be used. "
                + "Write http://[user:password@]host:port, or https:// for TLS up to the proxy; none calls directly. SOCKS is not spoken.");
        }

        if (target is not (null or "" or "address" or "name"))
        {
            return Faults.Invalid("CREW_EGRESS_PROXY_TARGET", "CREW_EGRESS_PROXY_TARGET must be address (the default) or name.");
        }

        var exempt = new List<Exemption>();
        var entries = (exceptions ?? "").Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);
        if (entries.Length > MaxExceptions)
        {
            return Faults.Invalid("CREW_EGRESS_NO_PROXY", $"The list of hosts without proxy (CREW_EGRESS_NO_PROXY, or NO_PROXY) has more than {MaxExceptions} entries.");
        }

        foreach (var entry in entries)
        {
            exempt.Add(Exemption.Parse(entry));
        }

        var (place, authorization) = Split(url);
        return new EgressProxy(place, authorization, target == "name", exempt);
    }

    /// <summary>Whether a call to this host takes the proxy.</summary>
    public bool Carries(string host, int port) => !_exceptions.Exists(e => e.Covers(host.TrimEnd('.'), port));

    private static (Uri Place, string? Authorization) Split(Uri url)
    {
        var place = new UriBuilder(url.Scheme, url.IdnHost, url.Port).Uri;
        if (url.UserInfo.Length == 0)
        {
            return (place, null);
        }

        var colon = url.UserInfo.IndexOf(':', StringComparison.Ordinal);
        var (user, password) = colon < 0 ? (url.UserInfo, "") : (url.UserInfo[..colon], url.UserInfo[(colon + 1)..]);
        var pair = $"{Uri.UnescapeDataString(user)}:{Uri.UnescapeDataString(password)}";
        return (place, $"Basic {Convert.ToBase64String(Encoding.UTF8.GetBytes(pair))}");
    }

    /// <summary>One entry of the list: a network, or a host with all below it.</summary>
    private sealed record Exemption(string Host, IPNetwork? Network, int Port)
    {
        private const int AnyPort = 0;

        public static Exemption Parse(string entry)
        {
            if (entry.Contains('/', StringComparison.Ordinal) && IPNetwork.TryParse(entry, out var network))
            {
                return new Exemption("", network, AnyPort);
            }

            var (host, port) = (entry, AnyPort);
            var colon = entry.LastIndexOf(':');
            var isBareV6 = !entry.StartsWith('[') && entry.IndexOf(':', StringComparison.Ordinal) != colon;
            if (colon > entry.LastIndexOf(']') && !isBareV6
                && int.TryParse(entry.AsSpan(colon + 1), NumberStyles.None, CultureInfo.InvariantCulture, out var given))
            {
                (host, port) = (entry[..colon], given);
            }

            host = host.Trim('[', ']');
            return IPAddress.TryParse(host, out var address)
                ? new Exemption("", new IPNetwork(address, address.AddressFamily == AddressFamily.InterNetwork ? 32 : 128), port)
                : new Exemption((host.StartsWith("*.", StringComparison.Ordinal) ? host[1..] : host).TrimStart('.').TrimEnd('.'), null, port);
        }

        public bool Covers(string host, int port)
        {
            if (Port != AnyPort && Port != port)
            {
                return false;
            }

            if (Network is { } network)
            {
                return IPAddress.TryParse(host, out var address) && network.Contains(address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : address);
            }

            return Host == "*" || host.Equals(Host, StringComparison.OrdinalIgnoreCase)
                || (host.Length > Host.Length && Host.Length > 0 && host[host.Length - Host.Length - 1] == '.'
                    && host.EndsWith(Host, StringComparison.OrdinalIgnoreCase));
        }
    }
}
