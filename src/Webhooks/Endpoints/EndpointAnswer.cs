using System.Text.Json.Serialization;
using Crew.Kernel;

namespace Crew.Webhooks.Endpoints;

/// <summary>An endpoint as the API shows it; <c>secret</c> only in the answer that made it.</summary>
internal sealed record EndpointAnswer
{
    public required string Id { get; init; }

    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? Secret { get; init; }

    public required string Url { get; init; }

    public required string Description { get; init; }

    public required IReadOnlyList<string> Events { get; init; }

    public string? CrewId { get; init; }

    /// <summary>Names of the headers of its own; their values are not shown.</summary>
    public required IReadOnlyList<string> HeaderNames { get; init; }

    public required string Status { get; init; }

    public string? StatusReason { get; init; }

    /// <summary>How it answers: <c>well</c>, <c>failing</c> (probed each hour) or <c>catching_up</c> (gets what it missed, in order).</summary>
    public required string Health { get; init; }

    public DateTimeOffset? FailingSince { get; init; }

    public required bool ChallengeRequired { get; init; }

    public DateTimeOffset? VerifiedAt { get; init; }

    /// <summary>Until when the secret before the last rotation still signs, too.</summary>
    public DateTimeOffset? FormerSecretEndsAt { get; init; }

    public required string CreatedBy { get; init; }

    public required DateTimeOffset CreatedAt { get; init; }

    public required DateTimeOffset UpdatedAt { get; init; }

    public static EndpointAnswer Of(WebhookEndpoint endpoint, EndpointQueue? queue, DateTimeOffset now, SecretText? secret = null) => new()
    {
        Id = endpoint.Id,
        Secret = secret?.Reveal(),
        Url = endpoint.Url,
        Description = endpoint.Description,
        Events = endpoint.Events,
        CrewId = endpoint.CrewId,
        HeaderNames = endpoint.HeaderNames,
        Status = endpoint.Status,
        StatusReason = endpoint.StatusReason,
        Health = queue?.Health ?? EndpointQueue.Well,
        FailingSince = queue?.FailingSince,
        ChallengeRequired = endpoint.ChallengeRequired,
        VerifiedAt = endpoint.VerifiedAt,
        FormerSecretEndsAt = endpoint.FormerEndsAt > now ? endpoint.FormerEndsAt : null,
        CreatedBy = endpoint.CreatorId,
        CreatedAt = endpoint.CreatedAt,
        UpdatedAt = endpoint.UpdatedAt,
    };
}
