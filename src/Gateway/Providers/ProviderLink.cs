using System.Net.Http.Headers;
using Crew.Gateway.Forwarding;
using Crew.Gateway.Sandbox;
using Crew.Sealing;
using Crew.Sealing.Egress;

namespace Crew.Gateway.Providers;

/// <summary>A provider ready to be called: connections, address, credential and limits.</summary>
internal sealed class ProviderLink
{
    private ProviderLink(Provider provider, HttpMessageInvoker invoker, Uri chat, string? authorization, ProviderTimeouts timeouts) =>
        (Id, Version, Invoker, ChatUri, Authorization, Timeouts, CancelStopsBilling, IsSandbox, NeedsCredential, Echo) =
        (provider.Id, provider.Version, invoker, chat, authorization, timeouts, provider.CancelStopsBilling,
            provider.Kind == Provider.Sandbox, provider.Kind != Provider.Sandbox,
            authorization is null ? null : new CredentialEcho(authorization["Bearer ".Length..]));

    private ProviderLink(HttpMessageInvoker sandbox) =>
        (Id, Invoker, ChatUri, Timeouts, CancelStopsBilling, IsSandbox) =
        (Provider.Sandbox, sandbox, new Uri(SandboxProvider.BaseAddress, "chat/completions"), new ProviderTimeouts(), true, true);

    public string Id { get; }

    public long Version { get; }

    public HttpMessageInvoker Invoker { get; }

    public Uri ChatUri { get; }

    /// <summary>The value of the Authorization header; null without a credential.</summary>
    public string? Authorization { get; }

    /// <summary>Finds the credential in an error; null without one.</summary>
    public CredentialEcho? Echo { get; }

    public ProviderTimeouts Timeouts { get; }

    /// <summary>Whether breaking off a stream ends its bill, so that a client that has gone need not be paid for to the end.</summary>
    public bool CancelStopsBilling { get; }

    public bool IsSandbox { get; }

    public bool NeedsCredential { get; }

    public bool IsReady => !NeedsCredential || Authorization is not null;

    public static ProviderLink OfSandbox(HttpMessageInvoker sandbox) => new(sandbox);

    public static ProviderLink Of(Provider provider, HttpMessageInvoker invoker, KeyRing ring)
    {
        var credential = provider.Open(ring) is { } given ? CredentialSource.Resolve(given) : null;
        var authorization = credential is null ? null : $"Bearer {credential.Reveal()}";
        if (authorization is not null && !AuthenticationHeaderValue.TryParse(authorization, out _))
        {
            authorization = null;
        }

        var chat = provider.Kind == Provider.Sandbox
            ? new Uri(SandboxProvider.BaseAddress, "chat/completions")
            : new Uri($"{provider.BaseUrl}/chat/completions");
        return new ProviderLink(provider, invoker, chat, authorization, provider.ReadTimeouts());
    }
}

/// <summary>
/// Whether a provider has billed more output of a model than it was allowed. Then no strict budget pays for that model there, until
/// somebody changes the provider's record or the process starts anew.
/// </summary>
internal sealed class CapRecord
{
    private volatile bool _isBroken;

    public bool IsBroken => _isBroken;

    public void Break() => _isBroken = true;
}

/// <summary>Keeps one set of connections per provider, however often its record is read again.</summary>
internal sealed class ProviderPool(GuardedHandlerFactory factory, KeyRing ring, TimeProvider clock)
{
    private readonly Dictionary<string, (ProviderLink Link, string Destination, int ConnectSeconds)> _links = new(StringComparer.Ordinal);
    private readonly Dictionary<(string ProviderId, string UpstreamModel), CapRecord> _caps = [];
    private readonly HttpMessageInvoker _sandbox = new(new SandboxProvider(clock));
    private readonly Lock _gate = new();
    private ProviderLink? _ownSandbox;

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
            var invoker = provider.Kind == Provider.Sandbox ? _sandbox
                : known && kept.Destination == provider.BaseUrl && kept.ConnectSeconds == connect ? kept.Link.Invoker
                : Connect(connect);
            var link = ProviderLink.Of(provider, invoker, ring);
            if (!known || kept.Link.Version < provider.Version)
            {
                _links[provider.Id] = (link, provider.BaseUrl, connect);
            }

            return link;
        }
    }

    public CapRecord CapOf(string providerId, string upstreamModel)
    {
        lock (_gate)
        {
            return _caps.TryGetValue((providerId, upstreamModel), out var record) ? record : _caps[(providerId, upstreamModel)] = new CapRecord();
        }
    }

    /// <summary>An invoker that was replaced is left to its last requests; its idle connections close by themselves.</summary>
    public void Forget(string providerId)
    {
        lock (_gate)
        {
            _links.Remove(providerId);
            foreach (var cap in _caps.Keys.Where(c => c.ProviderId == providerId).ToList())
            {
                _caps.Remove(cap);
            }
        }
    }

    private HttpMessageInvoker Connect(int connectSeconds) => factory.Create(EgressPurpose.Provider, new EgressLimits
    {
        ConnectTimeoutSeconds = connectSeconds,
        MaxConnectionsPerHost = 8_192,
    });
}
