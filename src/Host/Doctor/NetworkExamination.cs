using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography.X509Certificates;
using Crew.Sealing.Egress;
using Crew.Storage;

namespace Crew.Host;

/// <summary>What is to be said of addresses, certificates and proxies.</summary>
internal static class NetworkExamination
{
    private const int RenewDays = 21;

    public static IEnumerable<StoreFinding> Run(CrewSettings settings, DateTimeOffset now) => [Tls(settings, now), Proxies(settings), PublicUrl(settings), Egress(settings, now)];

    /// <summary>Whether the addresses can be listened on; a server of this installation that does so already is fine.</summary>
    public static async Task<IEnumerable<StoreFinding>> PortsAsync(CrewSettings settings, Store store, CancellationToken cancel)
    {
        const string name = "port";
        var taken = settings.Urls.Where(url => !CanListen(url)).ToList();
        if (taken.Count == 0)
        {
            return [new(name, FindingLevel.Ok, $"Free to listen on: {string.Join(", ", settings.Urls)}.")];
        }

        await using var claim = await store.TryClaimAsync(cancel);
        return
        [
            claim is null
                ? new(name, FindingLevel.Ok, $"A server of this installation is running; in use: {string.Join(", ", taken)}.")
                : new(name, FindingLevel.Failed, $"Another program listens on {string.Join(", ", taken)}, or it is not allowed.",
                    "Stop it, or choose another address with --urls (CREW_URLS)."),
        ];
    }

    private static StoreFinding Tls(CrewSettings settings, DateTimeOffset now)
    {
        const string name = "tls";
        if (settings is not { TlsCertificate: { } certificateFile, TlsKey: { } keyFile })
        {
            return new(name, FindingLevel.Ok, settings.TrustedProxies is null
                ? "Crew serves this machine only; nothing to encrypt."
                : "A proxy in front ends TLS (CREW_TRUSTED_PROXIES).");
        }

        try
        {
            using var certificate = X509Certificate2.CreateFromPemFile(certificateFile, keyFile);
            var ends = new DateTimeOffset(certificate.NotAfter.ToUniversalTime(), TimeSpan.Zero);
            var begins = new DateTimeOffset(certificate.NotBefore.ToUniversalTime(), TimeSpan.Zero);
            return now >= ends || now < begins
                ? new(name, FindingLevel.Failed, $"The certificate is valid from {begins:yyyy-MM-dd} to {ends:yyyy-MM-dd}, not today.",
                    $"Renew {certificateFile}; a running server takes the new file over by itself.")
                : ends - now < TimeSpan.FromDays(RenewDays)
                    ? new(name, FindingLevel.Warning, $"The certificate ends on {ends:yyyy-MM-dd}.",
                        $"Renew {certificateFile}; a running server takes the new file over by itself.")
                    : new(name, FindingLevel.Ok, $"The certificate is valid until {ends:yyyy-MM-dd}.");
        }
        catch (Exception error) when (ServerCertificate.IsUnusable(error))
        {
            return new(name, FindingLevel.Failed, $"The certificate cannot be used: {error.Message}",
                "CREW_TLS_CERT and CREW_TLS_KEY name PEM files that belong together and are readable by this user.");
        }
    }

    private static StoreFinding Proxies(CrewSettings settings)
    {
        const string name = "trusted_proxies";
        var entries = (settings.TrustedProxies ?? "").Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
        var everyone = entries.Where(e => e.EndsWith("/0", StringComparison.Ordinal)).ToList();
        return entries.Length == 0
            ? new(name, FindingLevel.Ok, "No proxy is trusted; addresses are those of the connections.")
            : everyone.Count == 0
                ? new(name, FindingLevel.Ok, $"Trusted to name the client's address: {string.Join(", ", entries)}.")
                : new(name, FindingLevel.Failed, $"CREW_TRUSTED_PROXIES holds {string.Join(", ", everyone)}: anybody may pretend any address, which makes IP allowlists void.",
                    "Name the addresses of your proxies only.");
    }

    /// <summary>How calls leave. A proxy or file that cannot be used keeps everything from starting, this command too.</summary>
    private static StoreFinding Egress(CrewSettings settings, DateTimeOffset now)
    {
        const string name = "egress";
        if (EgressNetwork.Read(settings.EgressProxy, settings.EgressNoProxy, settings.EgressProxyTarget, settings.EgressCa) is not { Fault: null } read)
        {
            return new(name, FindingLevel.Failed, "The outbound proxy or the file of certificate authorities cannot be used.",
                "Correct CREW_EGRESS_PROXY (HTTPS_PROXY) and CREW_EGRESS_CA.");
        }

        var (proxy, roots) = (read.Value.Proxy, read.Value.PrivateRoots);
        var way = proxy is null ? "Calls to providers and others go out directly"
            : $"Calls to the public internet go through {proxy.Address.Host}, which is given {(proxy.NamesTargets ? "names" : "checked addresses")}";
        var ended = roots.Count(r => r.NotAfter.ToUniversalTime() < now.UtcDateTime);
        return ended > 0
            ? new(name, FindingLevel.Warning, $"{way}. {ended} of {roots.Count} certificates in CREW_EGRESS_CA are past their end.", "Renew the file and restart.")
            : new(name, FindingLevel.Ok, roots.Count == 0 ? $"{way}." : $"{way}; {roots.Count} certificate authorities are trusted beside the system's.");
    }

    private static StoreFinding PublicUrl(CrewSettings settings)
    {
        const string name = "public_url";
        return !Uri.TryCreate(settings.PublicUrl, UriKind.Absolute, out var url) || url.Scheme is not ("http" or "https")
            ? new(name, FindingLevel.Failed, $"'{settings.PublicUrl}' is no URL.",
                "Set CREW_PUBLIC_URL to the address that clients use, such as https://crew.example.com.")
            : url.Scheme == "http" && !url.IsLoopback
                ? new(name, FindingLevel.Warning, $"{settings.PublicUrl} is plain HTTP: keys travel in clear.",
                    "Serve HTTPS, and set CREW_PUBLIC_URL to the https:// address.")
                : new(name, FindingLevel.Ok, $"Links begin with {settings.PublicUrl}.");
    }

    private static bool CanListen(string url)
    {
        var parsed = new Uri(url.Replace("://*", "://0.0.0.0", StringComparison.Ordinal).Replace("://+", "://0.0.0.0", StringComparison.Ordinal));
        var address = IPAddress.TryParse(parsed.Host.Trim('[', ']'), out var ip) ? ip : parsed.IsLoopback ? IPAddress.Loopback : IPAddress.Any;
        try
        {
            using var listener = new TcpListener(address, parsed.Port);
            listener.Start();
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }
}
