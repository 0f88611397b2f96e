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
/// one (or has the operator's proxy dial it), so that a name that changes its answer in between gains nothing. No redirects, cookies,
/// decompression, tracing headers or HTTP/3 (which would pass by the check); TLS 1.2 or newer.
/// </summary>
public sealed class GuardedHandlerFactory(EgressPolicy policy, IHostResolver resolver, EgressNetwork? network = null)
{
    /// <summary>Addresses of one name that are tried.</summary>
    public const int MaxAddresses = 8;

    /// <summary>
    /// Bytes of one HTTP/2 stream that may be under way: at the protocol's default of 64 KiB, a fast answer over a long line would wait
    /// for the receiver's word more often than on a connection of its own.
    /// </summary>
    private const int StreamWindowBytes = 1024 * 1024;

    /// <summary>id-kp-serverAuth (RFC 5280 section 4.2.1.12): a certificate for signing mail does not make a web server.</summary>
    private const string ServerAuthentication = "1.3.6.1.5.5.7.3.1";

    /// <summary>Dials a checked address. Tests put a server of their own behind public addresses here.</summary>
    internal Func<IPEndPoint, CancellationToken, ValueTask<Stream>> Dial { get; init; } = DialTcp;

    private readonly EgressNetwork _network = network ?? EgressNetwork.Direct;

    public EgressPolicy Policy => policy;

    /// <summary>
    /// An invoker for one purpose; it keeps its own connections, so make it once and keep it. A refused call throws
    /// <see cref="EgressRefusedException"/> before anything is sent; timeouts of the whole call are its caller's.
    /// </summary>
    /// <param name="purpose">Decides which entries of the allow list count.</param>
    /// <param name="limits">The limits of its calls.</param>
    /// <param name="identity">The client certificate that is shown to servers that ask for one; null for none.</param>
    public HttpMessageInvoker Create(EgressPurpose purpose, EgressLimits limits, ClientIdentity? identity = null) =>
        new(CreateHandler(purpose, limits, identity), disposeHandler: true);

    /// <inheritdoc cref="Create"/>
    [SuppressMessage("Security", "CA5398", Justification = "TLS 1.2 as the least is this project's decision.")]
    public HttpMessageHandler CreateHandler(EgressPurpose purpose, EgressLimits limits, ClientIdentity? identity = null)
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
            InitialHttp2StreamWindowSize = StreamWindowBytes,
            KeepAlivePingDelay = TimeSpan.FromSeconds(limits.ConnectionIdleSeconds),
            KeepAlivePingTimeout = TimeSpan.FromSeconds(limits.ConnectTimeoutSeconds),
            KeepAlivePingPolicy = HttpKeepAlivePingPolicy.WithActiveRequests,
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
                ClientCertificateContext = identity?.Context,
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
        if (_network.PrivateRoots.Count > 0)
        {
            // Custom trust takes the place of the system's, so the system's roots are added to it again.
            chain.TrustMode = X509ChainTrustMode.CustomRootTrust;
            chain.CustomTrustStore.AddRange(_network.PrivateRoots);
            using var system = new X509Store(StoreName.Root, StoreLocation.LocalMachine, OpenFlags.ReadOnly);
            chain.CustomTrustStore.AddRange(system.Certificates);
        }

        return chain;
    }

    private async ValueTask<Stream> Connect(EgressPurpose purpose, DnsEndPoint target, int timeoutSeconds, CancellationToken cancel)
    {
        if (_network.Proxy is { } proxy && proxy.Carries(target.Host, target.Port) && !policy.IsListed(purpose, target.Host, target.Port))
        {
            return await ConnectThrough(proxy, purpose, target, timeoutSeconds, cancel);
        }

        var found = await Find(target.Host, cancel);
        return await Race(Allowed(purpose, target, found), target.Port, timeoutSeconds, cancel);
    }

    /// <summary>
    /// A tunnel of the proxy. By address, the check is the same as without a proxy. By name, the proxy resolves again, so the check is
    /// stricter here: every address that the name has must be allowed, and a name that has none here must not be one of a private network.
    /// </summary>
    private async ValueTask<Stream> ConnectThrough(EgressProxy proxy, EgressPurpose purpose, DnsEndPoint target, int timeoutSeconds, CancellationToken cancel)
    {
        var places = new List<string>();
        if (proxy.NamesTargets)
        {
            await CheckName(purpose, target, cancel);
            places.Add(target.Host);
        }
        else
        {
            places.AddRange(Allowed(purpose, target, await Find(target.Host, cancel)).Select(a => a.ToString()));
        }

        for (var at = 0; ; at++)
        {
            var connection = await DialProxy(proxy, timeoutSeconds, cancel);
            try
            {
                await EgressTunnel.OpenAsync(connection, proxy, places[at], target.Port, cancel);
                return connection;
            }
            catch (Exception failed)
            {
                await connection.DisposeAsync();
                if (failed is not (EgressTunnelException or IOException) || at + 1 == places.Count)
                {
                    throw;
                }
            }
        }
    }

    private async ValueTask CheckName(EgressPurpose purpose, DnsEndPoint target, CancellationToken cancel)
    {
        IPAddress[] found;
        try
        {
            found = await Find(target.Host, cancel);
        }
        catch (SocketException)
        {
            found = [];
        }

        var refusal = found.Length == 0 && PrivateNames.Covers(target.Host)
            ? new EgressRefusal(EgressRefusalReason.AddressNotAllowed, purpose, target.Host, target.Port)
            : found.Select(a => policy.Check(purpose, target.Host, target.Port, Plain(a))).FirstOrDefault(r => r is not null);
        if (refusal is not null)
        {
            throw new EgressRefusedException(refusal);
        }
    }

    /// <summary>The proxy is the operator's own peer and may stand anywhere.</summary>
    private async ValueTask<Stream> DialProxy(EgressProxy proxy, int timeoutSeconds, CancellationToken cancel)
    {
        var found = await Find(proxy.Address.IdnHost, cancel);
        if (found.Length == 0)
        {
            throw new SocketException((int)SocketError.HostNotFound);
        }

        var connection = await Race([.. found.Take(MaxAddresses).Select(Plain)], proxy.Address.Port, timeoutSeconds, cancel);
        if (proxy.Address.Scheme == "http")
        {
            return connection;
        }

        var secure = new SslStream(connection);
        try
        {
            await secure.AuthenticateAsClientAsync(new SslClientAuthenticationOptions
            {
                TargetHost = proxy.Address.IdnHost,
                EnabledSslProtocols = SslProtocols.Tls12 | SslProtocols.Tls13,
                CertificateChainPolicy = ChainPolicy(),
            }, cancel);
            return secure;
        }
        catch
        {
            await secure.DisposeAsync();
            throw;
        }
    }

    private ValueTask<Stream> Race(List<IPAddress> addresses, int port, int timeoutSeconds, CancellationToken cancel) => addresses.Count == 1
        ? Dial(new IPEndPoint(addresses[0], port), cancel)
        : new AddressRace(Dial).RunAsync(addresses, port, TimeSpan.FromSeconds(timeoutSeconds), cancel);

    private async ValueTask<IPAddress[]> Find(string host, CancellationToken cancel) =>
        IPAddress.TryParse(host, out var literal) ? [literal] : await resolver.Resolve(host, cancel);

    private static IPAddress Plain(IPAddress address) => address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : address;

    private List<IPAddress> Allowed(EgressPurpose purpose, DnsEndPoint target, IPAddress[] found)
    {
        EgressRefusal? refusal = null;
        var allowed = new List<IPAddress>();
        foreach (var address in found.Select(Plain))
        {
            if (policy.Check(purpose, target.Host, target.Port, address) is { } refused)
            {
                refusal = refused;
            }
            else if (allowed.Count < MaxAddresses)
            {
                allowed.Add(address);
            }
        }

        return allowed.Count > 0 ? allowed
            : throw (refusal is null ? new SocketException((int)SocketError.HostNotFound) : new EgressRefusedException(refusal));
    }
}
