using System.Text.Json;
using Crew.Http;

namespace Crew.Webhooks.Delivery;

/// <summary>One attempt as the API shows it.</summary>
internal sealed record AttemptAnswer(DateTimeOffset At, int? Status, string? Error, long LatencyMs);

/// <summary>A delivery as the API shows it.</summary>
internal sealed record DeliveryAnswer(
    string Id, string WebhookId, string EventId, string EventType, string Status, int Attempts, DateTimeOffset? NextAttemptAt, bool ReplaysOnRecovery,
    IReadOnlyList<AttemptAnswer> Log, string? ResponseText, DateTimeOffset CreatedAt)
{
    public static DeliveryAnswer Of(DeliveryRecord delivery, string? responseText) => new(
        delivery.Id, delivery.EndpointId, delivery.EventId, delivery.Type, delivery.State, (int)delivery.Attempts,
        delivery.State == DeliveryRecord.Pending ? delivery.NextAt : null, delivery is { State: DeliveryRecord.Failed, IsOpen: 1 },
        delivery.Log is { } log ? JsonSerializer.Deserialize<List<AttemptAnswer>>(log, ApiJson.Options)! : [], responseText, delivery.At);
}
