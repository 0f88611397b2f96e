using System.Diagnostics.CodeAnalysis;
using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Crew.Sealing.Egress;

/// <summary>
/// Makes the only HTTP handlers that may carry a tenant's calls. Each resolves a name once, checks the addresses and dials a checked
/// one, so that a name that changes its answer in between gains nothing. No redirects, proxies, cookies, decompression, tracing
/// headers or HTTP/3 (which would pass by the check); TLS 1.2 or newer.
/// </summary>
public sealed class GuardedHandlerFactory(EgressPolicy policy, IHostResolver resolver)
{
    /// <summary>Addresses of one name that are tried.</summary>
    public const int MaxAddresses = 8;

    /// <summary>id-kp-serverAuth (RFC 5280 section 4.2.1.12): a certificate for signing mail does not make a web server.</summary>
    private const string ServerAuthentication = "1.3.6.1.5.5.7.3.1";

    /// <summary>Dials a checked address. Tests put a server of their own behind public addresses here.</summary>
    internal Func<IPEndPoint, CancellationToken, ValueTask<Stream>> Dial { get; init; } = DialTcp;

    /// <summary>Roots that are trusted besides the system's; for tests.</summary>
    internal X509Certificate2Collection ExtraRoots { get; init; } = [];

    public EgressPolicy Policy => policy;

    /// <summary>
    /// An invoker for one purpose; it keeps its own connections, so make it once and keep it. A refused call throws
    /// <see cref="EgressRefusedException"/> before anything is sent; timeouts of the whole call are its caller's.
    /// </summary>
    public HttpMessageInvoker Create(EgressPurpose purpose, EgressLimits limits) =>
        new(CreateHandler(purpose, limits), disposeHandler: true);

    /// <inheritdoc cref="Create"/>
    [SuppressMessage("Security", "CA5398", Justification = "TLS 1.2 as the least is this project's decision.")]
    public HttpMessageHandler CreateHandler(EgressPurpose purpose, EgressLimits limits)
    {
        limits.Checked();
        return new GuardedHandler(policy, purpose, new SocketsHttpHandler
        {
            AllowAutoRedirect = false,
            UseProxy = false,
            UseCookies = false,
            AutomaticDecompression = DecompressionMethods.None,
            PreAuthenticate = false,
            Credentials = null,
            ActivityHeadersPropagator = null,
            EnableMultipleHttp2Connections = true,
            MaxConnectionsPerServer = limits.MaxConnectionsPerHost,
            MaxResponseHeadersLength = limits.MaxResponseHeadersKilobytes,
            ConnectTimeout = TimeSpan.FromSeconds(limits.ConnectTimeoutSeconds),
            PooledConnectionLifetime = TimeSpan.FromSeconds(limits.ConnectionLifetimeSeconds),
            PooledConnectionIdleTimeout = TimeSpan.FromSeconds(limits.ConnectionIdleSeconds),
            ConnectCallback = (context, cancel) => Connect(purpose, context.DnsEndPoint, limits.ConnectTimeoutSeconds, cancel),
            SslOptions = new SslClientAuthenticationOptions
            {
                EnabledSslProtocols = SslProtocols.Tls12 | SslProtocols.Tls13,
                CertificateChainPolicy = ChainPolicy(),
            },
        });
    }

    private static async ValueTask<Stream> DialTcp(IPEndPoint place, CancellationToken cancel)
    {
        var socket = new Socket(place.AddressFamily, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        try
        {
            await socket.ConnectAsync(place, cancel);
            return new NetworkStream(socket, ownsSocket: true);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    /// <summary>
    /// A server's certificate may name places from which to fetch its issuer or its revocation list. Fetching them would be
    /// outbound calls that nobody checks, so they are off; a server has to send its whole chain.
    /// </summary>
    private X509ChainPolicy ChainPolicy()
    {
        var chain = new X509ChainPolicy { DisableCertificateDownloads = true, RevocationMode = X509RevocationMode.NoCheck };
        chain.ApplicationPolicy.Add(new Oid(ServerAuthentication));
        if (ExtraRoots.Count > 0)
        {
            chain.TrustMode = X509ChainTrustMode.CustomRootTrust;
            chain.CustomTrustStore.AddRange(ExtraRoots);
        }

        return chain;
    }

    private async ValueTask<Stream> Connect(EgressPurpose purpose, DnsEndPoint target, int timeoutSeconds, CancellationToken cancel)
    {
        var found = IPAddress.TryParse(target.Host, out var literal) ? [literal] : await resolver.Resolve(target.Host, cancel);
        EgressRefusal? refusal = null;
        var allowed = new List<IPAddress>();
        foreach (var address in found)
        {
            var plain = address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : address;
            if (policy.Check(purpose, target.Host, target.Port, plain) is { } refused)
            {
                refusal = refused;
            }
            else if (allowed.Count < MaxAddresses)
            {
                allowed.Add(plain);
            }
        }

        if (allowed.Count == 0)
        {
            throw refusal is null ? new SocketException((int)SocketError.HostNotFound) : new EgressRefusedException(refusal);
        }

        return await DialFirst(allowed, target.Port, TimeSpan.FromSeconds(timeoutSeconds) / allowed.Count, cancel);
    }

    /// <summary>Tries the addresses in order; each has an even share of the time, so that a dead one does not use it all up.</summary>
    private async ValueTask<Stream> DialFirst(List<IPAddress> addresses, int port, TimeSpan share, CancellationToken cancel)
    {
        for (var at = 0; ; at++)
        {
            using var attempt = CancellationTokenSource.CreateLinkedTokenSource(cancel);
            attempt.CancelAfter(share);
            try
            {
                return await Dial(new IPEndPoint(addresses[at], port), attempt.Token);
            }
            catch (Exception failed) when (failed is SocketException or OperationCanceledException
                && at + 1 < addresses.Count && !cancel.IsCancellationRequested)
            {
                // The next address gets its turn; the last one's failure is the caller's.
            }
        }
    }
}
