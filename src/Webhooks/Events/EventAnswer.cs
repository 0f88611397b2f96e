using System.Text.Json;
using Crew.Sealing;

namespace Crew.Webhooks.Events;

/// <summary>An event as the API shows it: the envelope that endpoints receive.</summary>
internal sealed record EventAnswer(string Id, string Type, DateTimeOffset CreatedAt, string WorkspaceId, string? CrewId, JsonElement? Data)
{
    public static EventAnswer Of(StoredEvent happened, KeyRing ring) => new(
        happened.Id, happened.Type, happened.At, happened.WorkspaceId, happened.CrewId,
        happened.Open(ring) is { } data ? JsonSerializer.Deserialize<JsonElement>(data) : null);
}
