using System.Text.Json;
using Crew.Http;
using Crew.Kernel;
using Crew.Webhooks.Catalogue;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace Crew.Webhooks.Events;

internal static class ListEventTypes
{
    /// <summary>One type of event as the API shows it.</summary>
    internal sealed record Answer(
        string Type, int Version, string Description, string Level, string Permission, IReadOnlyList<string> Aliases, bool Available, string? UnavailableReason,
        JsonElement Schema, JsonElement Example);

    private static readonly Lazy<IReadOnlyList<Answer>> All = new(() => [.. EventTypes.All.OrderBy(t => t.Name, StringComparer.Ordinal).Select(Of)]);

    public static void Map(RouteGroupBuilder types) =>
        types.MapGet("/", Handle)
            .WithName("EventTypes.List")
            .WithSummary("List the types of events with the JSON Schema of their data and an example. Those that nothing raises yet say why.")
            .Requires(CrewSource.None, "events:read", "webhooks:read", "webhooks:write");

    private static Reply<PageReply<Answer>> Handle(Paging paging)
    {
        if (paging.Fault is { } fault)
        {
            return fault;
        }

        var rows = All.Value.Where(t => paging.Cursor is null || string.CompareOrdinal(t.Type, paging.Cursor) > 0).Take(paging.Limit + 1).ToList();
        return new PageReply<Answer>(Page<Answer>.From(rows, paging.Limit, t => Paging.Encode(t.Type)));
    }

    private static Answer Of(EventType type) => new(
        type.Name, type.Version, type.Description, type.Level == EventLevel.Crew ? "crew" : "workspace", type.Reads.ToString(), type.Aliases, type.IsRaised, type.Waits,
        JsonSerializer.SerializeToElement(type.Schema()), JsonSerializer.SerializeToElement(type.Example()));
}
