namespace Crew.Sealing.Egress;

/// <summary>The limits of outbound calls; every one has its unit in its name.</summary>
public sealed record EgressLimits
{
    /// <summary>Resolving, dialling and TLS together. 1 to 120.</summary>
    public int ConnectTimeoutSeconds { get; init; } = 10;

    /// <summary>The whole call of a <see cref="GuardedClient"/>, body included. 1 to 3600. An invoker leaves this to its caller.</summary>
    public int TotalTimeoutSeconds { get; init; } = 30;

    /// <summary>All headers of a response together. 1 to 1024.</summary>
    public int MaxResponseHeadersKilobytes { get; init; } = 32;

    /// <summary>What a <see cref="GuardedClient"/> reads of a response body; the rest is cut off. 0 to 64 MiB.</summary>
    public int MaxResponseBodyBytes { get; init; } = 1024 * 1024;

    /// <summary>Connections to one host at a time. 1 to 65536.</summary>
    public int MaxConnectionsPerHost { get; init; } = 256;

    /// <summary>Age at which a connection is replaced, so that a changed name is looked up again. 1 to 86400.</summary>
    public int ConnectionLifetimeSeconds { get; init; } = 300;

    /// <summary>Idle time after which a connection is closed. 1 to 3600.</summary>
    public int ConnectionIdleSeconds { get; init; } = 60;

    /// <summary>Throws for a value out of its range: limits are set by our own code.</summary>
    internal EgressLimits Checked()
    {
        Require(ConnectTimeoutSeconds, 1, 120, nameof(ConnectTimeoutSeconds));
        Require(TotalTimeoutSeconds, 1, 3600, nameof(TotalTimeoutSeconds));
        Require(MaxResponseHeadersKilobytes, 1, 1024, nameof(MaxResponseHeadersKilobytes));
        Require(MaxResponseBodyBytes, 0, 64 * 1024 * 1024, nameof(MaxResponseBodyBytes));
        Require(MaxConnectionsPerHost, 1, 65536, nameof(MaxConnectionsPerHost));
        Require(ConnectionLifetimeSeconds, 1, 86400, nameof(ConnectionLifetimeSeconds));
        Require(ConnectionIdleSeconds, 1, 3600, nameof(ConnectionIdleSeconds));
        return this;
    }

    private static void Require(int value, int min, int max, string name)
    {
        if (value < min || value > max)
        {
            throw new ArgumentOutOfRangeException(name, value, $"It has to be from {min} to {max}.");
        }
    }
}
