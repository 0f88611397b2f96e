using System.Collections.Concurrent;
using System.Threading.Channels;
using Crew.Gateway.Dialects;
using Crew.Gateway.Forwarding;
using Crew.Gateway.Routing;
using Crew.Gateway.Sandbox;
using Crew.Kernel;
using Crew.Sealing;
using Crew.Sealing.Egress;

namespace Crew.Gateway.Providers;

/// <summary>A provider ready to be called: connections, address, credential and limits.</summary>
internal sealed class ProviderLink
{
    private readonly Uri?[] _uris;

    /// <summary>For providers whose addresses name the model.</summary>
    private readonly ConcurrentDictionary<string, Uri?[]>? _deployments;
    private readonly Func<string, Uri?[]>? _urisOf;

    private ProviderLink(Provider provider, HttpMessageInvoker invoker, ProviderProtocol protocol, SecretText? credential)
    {
        (Id, Version, Invoker, Timeouts, CancelStopsBilling) =
            (provider.Id, provider.Version, invoker, provider.ReadTimeouts(), provider.CancelStopsBilling);
        CancelMarginTokens = provider.CancelStopsBilling ? provider.CancelMarginTokens : null;
        IsSandbox = provider.Kind == Provider.Sandbox;
        Region = provider.ReadDataPolicy()?.Region;
        CredentialHeader = protocol.CredentialHeader;
        if (provider.Kind == Provider.Azure)
        {
            _deployments = new ConcurrentDictionary<string, Uri?[]>(StringComparer.Ordinal);
            _urisOf = deployment => protocol.Uris(provider.BaseUrl, provider.ApiVersion, deployment, provider.Endpoints);
            _uris = [];
        }
        else
        {
            _uris = protocol.Uris(provider.BaseUrl, only: provider.Endpoints);
        }

        if (credential is not null && protocol.Credential(credential.Reveal()) is { } header)
        {
            (Credential, Echo) = (header, new CredentialEcho(credential.Reveal()));
        }
    }

    private ProviderLink(HttpMessageInvoker sandbox)
    {
        (Id, Invoker, Timeouts, CancelStopsBilling, IsSandbox) = (Provider.Sandbox, sandbox, new ProviderTimeouts(), true, true);
        (CredentialHeader, _uris) = (ProviderProtocol.Sandbox.CredentialHeader, ProviderProtocol.Sandbox.Uris(""));
    }

    public string Id { get; }

    public long Version { get; }

    public HttpMessageInvoker Invoker { get; }

    /// <summary>The name of the header that carries the credential.</summary>
    public string CredentialHeader { get; }

    /// <summary>The value of that header; null without a credential.</summary>
    public string? Credential { get; }

    /// <summary>Finds the credential in an error; null without one.</summary>
    public CredentialEcho? Echo { get; }

    public ProviderTimeouts Timeouts { get; }

    /// <summary>Whether breaking off a stream ends its bill, so that a client that has gone need not be paid for to the end.</summary>
    public bool CancelStopsBilling { get; }

    /// <summary>
    /// How many output tokens it bills at the most beyond those that this process had seen when it broke off: what is on the way, and what is
    /// generated until it notices. Null where breaking off does not end the bill, or nobody promises such a number.
    /// </summary>
    public int? CancelMarginTokens { get; }

    public bool IsSandbox { get; }

    /// <summary>Where the provider says that it works; null where nothing is known.</summary>
    public string? Region { get; }

    /// <summary>Whether it stands in one of these regions. An unknown region is in none; the sandbox never leaves this process.</summary>
    public bool IsIn(IReadOnlySet<string>? regions) => regions is null || IsSandbox || (Region is { } region && regions.Contains(region));

    public bool IsReady => IsSandbox || Credential is not null;

    /// <summary>Where an endpoint is called for a model; null where the provider has none of that kind.</summary>
    public Uri? UriOf(Operation operation, string upstreamModel) =>
        (_deployments is null ? _uris : _deployments.GetOrAdd(upstreamModel, _urisOf!))[(int)operation];

    public static ProviderLink OfSandbox(HttpMessageInvoker sandbox) => new(sandbox);

    public static ProviderLink Of(Provider provider, HttpMessageInvoker invoker, KeyRing ring) =>
        new(provider, invoker, ProviderProtocol.Of(provider.Kind), provider.Open(ring) is { } given ? CredentialSource.Resolve(given) : null);
}

/// <summary>
/// Whether a provider has billed more output of a model than it was allowed, as this process has seen or heard since it started; what was
/// known before stands in the provider's record. Then no strict budget pays for that model there, on any node, until somebody changes
/// that record.
/// </summary>
/// <param name="tell">Lets the other nodes know.</param>
internal sealed class CapRecord(Action? tell = null)
{
    private int _isBroken;

    public bool IsBroken => Volatile.Read(ref _isBroken) != 0;

    /// <summary>This process has seen it.</summary>
    public void Break()
    {
        if (Interlocked.Exchange(ref _isBroken, 1) == 0)
        {
            tell?.Invoke();
        }
    }

    /// <summary>Another process has seen it.</summary>
    public void Hear() => Volatile.Write(ref _isBroken, 1);
}

/// <summary>Keeps one set of connections per provider, however often its record is read again.</summary>
internal sealed class ProviderPool(GuardedHandlerFactory factory, KeyRing ring, TimeProvider clock)
{
    private readonly Dictionary<string, (ProviderLink Link, string Destination)> _links = new(StringComparer.Ordinal);
    private readonly Dictionary<(string ProviderId, string UpstreamModel), TargetHealth> _health = [];
    private readonly HttpMessageInvoker _sandbox = new(new SandboxProvider(clock));
    private readonly Lock _gate = new();
    private readonly Channel<(string ProviderId, string UpstreamModel)> _broken = Channel.CreateUnbounded<(string, string)>();
    private ProviderLink? _ownSandbox;

    /// <summary>Targets that this process has seen bill beyond their cap, once each.</summary>
    public ChannelReader<(string ProviderId, string UpstreamModel)> Broken => _broken.Reader;

    /// <summary>The sandbox that every workspace has.</summary>
    public ProviderLink Sandbox => _ownSandbox ??= ProviderLink.OfSandbox(_sandbox);

    public ProviderLink LinkOf(Provider provider)
    {
        lock (_gate)
        {
            var known = _links.TryGetValue(provider.Id, out var kept);
            if (known && kept.Link.Version == provider.Version)
            {
                return kept.Link;
            }

            var connect = provider.ReadTimeouts().ConnectSeconds;
            var destination = $"{provider.BaseUrl} {connect} {provider.ReadClientCertificate()?.Sha256}";
            var invoker = provider.Kind == Provider.Sandbox ? _sandbox
                : known && kept.Destination == destination ? kept.Link.Invoker
                : Connect(connect, provider);
            var link = ProviderLink.Of(provider, invoker, ring);
            if (!known || kept.Link.Version < provider.Version)
            {
                _links[provider.Id] = (link, destination);
            }

            return link;
        }
    }

    /// <summary>What is known of a model at a provider. It outlives the catalogue's views, and ends with a change of the provider's record.</summary>
    public TargetHealth HealthOf(string providerId, string upstreamModel)
    {
        lock (_gate)
        {
            return _health.TryGetValue((providerId, upstreamModel), out var known) ? known : _health[(providerId, upstreamModel)] =
                new TargetHealth(() => _broken.Writer.TryWrite((providerId, upstreamModel)));
        }
    }

    /// <summary>An invoker that was replaced is left to its last requests; its idle connections close by themselves.</summary>
    public void Forget(string providerId)
    {
        lock (_gate)
        {
            _links.Remove(providerId);
            foreach (var place in _health.Keys.Where(c => c.ProviderId == providerId).ToList())
            {
                _health.Remove(place);
            }
        }
    }

    private HttpMessageInvoker Connect(int connectSeconds, Provider provider) => factory.Create(EgressPurpose.Provider, new EgressLimits
    {
        ConnectTimeoutSeconds = connectSeconds,
        MaxConnectionsPerHost = 8_192,
    }, provider.OpenIdentity(ring));
}
