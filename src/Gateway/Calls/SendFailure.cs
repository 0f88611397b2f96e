using Crew.Kernel;
using Crew.Sealing.Egress;

namespace Crew.Gateway.Calls;

/// <summary>A call of a provider that ended without an answer.</summary>
internal static class SendFailure
{
    /// <summary>What a failed call means to the client, and whether the provider may have begun to work, and so to bill.</summary>
    public static (Fault Fault, bool WasSent) Judge(Exception failed, PhysicalAttempt attempt) => failed switch
    {
        EgressRefusedException => (GatewayFaults.ProviderUnavailable, false),
        HttpRequestException
        {
            HttpRequestError: HttpRequestError.NameResolutionError or HttpRequestError.ConnectionError or HttpRequestError.SecureConnectionError
                or HttpRequestError.ProxyTunnelError,
        } => (GatewayFaults.ProviderUnavailable, false),

        // The connection could not be made in time: our own limit did not trip.
        OperationCanceledException when !attempt.Limits.IsCancellationRequested => (GatewayFaults.ProviderTimeout, false),
        OperationCanceledException => (GatewayFaults.ProviderTimeout, true),
        _ => (GatewayFaults.ProviderUnavailable, true),
    };
}
