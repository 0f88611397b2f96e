using System.Text.Json.Nodes;

namespace Crew.Webhooks.Catalogue;

/// <summary>The shape of <c>data</c>, as JSON Schema and as an example. All events tell of one thing, who did it, and what changed.</summary>
internal static class EventShape
{
    private const string Body = "01kaf3x9n2e7r8v0w1y5z6b4cd";

    public static JsonObject Schema(EventType type) => type.Name == EventTypes.Test ? TestSchema() : new JsonObject
    {
        ["$schema"] = "https://json-schema.org/draft/2020-12/schema",
        ["title"] = type.Name,
        ["type"] = "object",
        ["properties"] = new JsonObject
        {
            ["resource"] = new JsonObject
            {
                ["description"] = "What it happened to.",
                ["type"] = new JsonArray("object", "null"),
                ["properties"] = new JsonObject
                {
                    ["type"] = new JsonObject { ["type"] = "string", ["examples"] = new JsonArray(type.Resource) },
                    ["id"] = Text(),
                    ["name"] = OptionalText(),
                },
                ["required"] = new JsonArray("type", "id", "name"),
            },
            ["actor"] = new JsonObject
            {
                ["description"] = "Who did it: api_key, user, token, operator or system, by id.",
                ["type"] = "object",
                ["properties"] = new JsonObject { ["type"] = Text(), ["id"] = Text() },
                ["required"] = new JsonArray("type", "id"),
            },
            ["outcome"] = new JsonObject { ["type"] = "string", ["enum"] = new JsonArray("success", "failure", "denied") },
            ["reason"] = OptionalText(),
            ["changes"] = new JsonObject
            {
                ["description"] = "Changed fields; secrets never appear, long texts as hash and length.",
                ["type"] = "array",
                ["items"] = new JsonObject
                {
                    ["type"] = "object",
                    ["properties"] = new JsonObject { ["field"] = Text(), ["from"] = new JsonObject(), ["to"] = new JsonObject() },
                    ["required"] = new JsonArray("field", "from", "to"),
                },
            },
        },
        ["required"] = new JsonArray("resource", "actor", "outcome", "reason", "changes"),
    };

    public static JsonObject Example(EventType type) => new()
    {
        ["id"] = $"evt_{Body}",
        ["type"] = type.Name,
        ["created_at"] = "2026-11-20T09:30:00.000Z",
        ["workspace_id"] = $"ws_{Body}",
        ["crew_id"] = type.Level == EventLevel.Crew ? $"crew_{Body}" : null,
        ["data"] = type.Name == EventTypes.Test
            ? new JsonObject { ["webhook_id"] = $"wh_{Body}", ["message"] = EventTypes.TestMessage }
            : new JsonObject
            {
                ["resource"] = new JsonObject { ["type"] = type.Resource, ["id"] = $"{type.Resource}_{Body}", ["name"] = "An example" },
                ["actor"] = new JsonObject { ["type"] = "user", ["id"] = $"user_{Body}" },
                ["outcome"] = "success",
                ["reason"] = null,
                ["changes"] = new JsonArray(new JsonObject { ["field"] = "name", ["from"] = "Before", ["to"] = "An example" }),
            },
    };

    private static JsonObject TestSchema() => new()
    {
        ["$schema"] = "https://json-schema.org/draft/2020-12/schema",
        ["title"] = EventTypes.Test,
        ["type"] = "object",
        ["properties"] = new JsonObject { ["webhook_id"] = Text(), ["message"] = Text() },
        ["required"] = new JsonArray("webhook_id", "message"),
    };

    private static JsonObject Text() => new() { ["type"] = "string" };

    private static JsonObject OptionalText() => new() { ["type"] = new JsonArray("string", "null") };
}
