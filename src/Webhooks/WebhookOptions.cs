using System.ComponentModel.DataAnnotations;

namespace Crew.Webhooks;

/// <summary>Limits of deliveries.</summary>
internal sealed record WebhookOptions
{
    /// <summary>How long a receiver may take for its answer, from the name's resolution to the end of the body.</summary>
    [Range(1, 30)]
    public int AnswerSeconds { get; init; } = 30;

    /// <summary>Attempts under way on one node.</summary>
    [Range(1, 16_384)]
    public int MostAttempts { get; init; } = 1_024;

    /// <summary>Attempts under way on one node for one workspace: what keeps a tenant of dead endpoints from taking the others' turn.</summary>
    [Range(1, 16_384)]
    public int MostAttemptsPerWorkspace { get; init; } = 128;

    /// <summary>Attempts under way at one endpoint that answers. One that fails gets one at a time.</summary>
    [Range(1, 256)]
    public int MostAttemptsPerEndpoint { get; init; } = 8;

    /// <summary>Queues that a node works on at a time for one workspace.</summary>
    [Range(1, 16_384)]
    public int MostQueuesPerWorkspace { get; init; } = 256;

    /// <summary>Queues that a node works on at a time.</summary>
    [Range(1, 65_536)]
    public int MostQueues { get; init; } = 4_096;

    /// <summary>How often a node looks for queues that are due and that nobody works on.</summary>
    [Range(10, 60_000)]
    public int LookMilliseconds { get; init; } = 1_000;

    /// <summary>How often a node looks for deliveries whose commit nobody told of, as after a crash.</summary>
    [Range(10, 600_000)]
    public int SweepMilliseconds { get; init; } = 5_000;

    /// <summary>How long a node keeps an idle queue, so that the next event finds it at hand.</summary>
    [Range(0, 60_000)]
    public int LingerMilliseconds { get; init; } = 2_000;

    /// <summary>For how long a node holds a queue without renewing: after that another node may take it.</summary>
    [Range(1, 600)]
    public int HoldSeconds { get; init; } = 20;
}
