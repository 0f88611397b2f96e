namespace Crew.Gateway.Forwarding;

/// <summary>What must differ between the body that a client sent and the one that a provider gets. Nothing by default.</summary>
internal readonly record struct BodyEdits()
{
    /// <summary>The name that the target knows the model by; null keeps the client's bytes.</summary>
    public string? UpstreamModel { get; init; }

    /// <summary>Makes a stream end with its usage chunk. Without effect on requests that do not stream.</summary>
    public bool ForceUsage { get; init; }

    /// <summary>The most output tokens per choice that are paid for; a lower wish of the client stays.</summary>
    public int? OutputCap { get; init; }

    /// <summary>The field that carries the cap where the client gave none.</summary>
    public string CapField { get; init; } = "max_completion_tokens";

    /// <summary>
    /// Adds <c>"store":false</c> where the client said nothing, for providers that would keep the exchange by themselves.
    /// A <c>true</c> of the client is replaced in any case.
    /// </summary>
    public bool ForceStoreFalse { get; init; }
}
