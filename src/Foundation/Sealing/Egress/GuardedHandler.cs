using System.Net;

namespace Crew.Sealing.Egress;

/// <summary>Checks a request before it leaves and gives refusals of the connection their type back.</summary>
internal sealed class GuardedHandler(EgressPolicy policy, EgressPurpose purpose, SocketsHttpHandler inner) : DelegatingHandler(inner)
{
    protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        if (policy.Check(purpose, request.RequestUri) is { } refusal)
        {
            throw new EgressRefusedException(refusal);
        }

        var url = request.RequestUri!;
        if (request.Headers.Host is { } host && !IsHostOf(url, host))
        {
            throw new EgressRefusedException(new EgressRefusal(EgressRefusalReason.ForeignHostHeader, purpose, url.IdnHost, url.Port));
        }

        KeepOnTcp(request);
        try
        {
            return await base.SendAsync(request, cancellationToken);
        }
        catch (HttpRequestException failed) when (KnownIn(failed) is { } known)
        {
            throw known;
        }
    }

    /// <summary>
    /// HTTP/3 dials by itself, past the check; so nothing newer than HTTP/2 is asked for, and no server's Alt-Svc header may
    /// raise it.
    /// </summary>
    private static void KeepOnTcp(HttpRequestMessage request)
    {
        if (request.Version > HttpVersion.Version20)
        {
            request.Version = HttpVersion.Version20;
            request.VersionPolicy = HttpVersionPolicy.RequestVersionOrLower;
        }
        else if (request.VersionPolicy == HttpVersionPolicy.RequestVersionOrHigher)
        {
            request.Version = HttpVersion.Version20;
            request.VersionPolicy = HttpVersionPolicy.RequestVersionOrLower;
        }
    }

    private static bool IsHostOf(Uri url, string header) =>
        string.Equals(header, url.Authority, StringComparison.OrdinalIgnoreCase)
        || string.Equals(header, $"{url.IdnHost}:{url.Port}", StringComparison.OrdinalIgnoreCase)
        || string.Equals(header, url.IdnHost, StringComparison.OrdinalIgnoreCase);

    /// <summary>What the connection was refused for, beneath the wrapping that the handler gives it. Made anew: it is thrown at another place.</summary>
    private static HttpRequestException? KnownIn(Exception? failed)
    {
        for (; failed is not null; failed = failed.InnerException)
        {
            if (failed is EgressRefusedException refused)
            {
                return new EgressRefusedException(refused.Refusal);
            }

            if (failed is EgressTunnelException unopened)
            {
                return new EgressTunnelException(unopened.Status);
            }
        }

        return null;
    }
}
