using System.ComponentModel.DataAnnotations;

namespace Crew.Gateway.Contracts;

/// <summary>What the operator sets for the gateway of one process.</summary>
public sealed record GatewayOptions
{
    /// <summary>
    /// How long a stream whose provider says nothing stays silent, in seconds, until its client gets a sign of life; zero never sends one.
    /// Below the time after which load balancers close a silent connection (often 60 s).
    /// </summary>
    [Range(0, 3_600)]
    public double PingSeconds { get; init; } = 15;
}
