using System.Text.Json.Nodes;

namespace Crew.Http.OpenApi;

/// <summary>What operations share: headers, parameters, and the refusals in both dialects.</summary>
internal static class ApiParts
{
    public const string About =
        "The management API answers in an envelope (success, data, error); paths of the gateway speak OpenAI's dialect and refuse in its error object. "
        + "Every answer carries X-Request-Id, ours. Unknown fields are refused. Times are RFC 3339 in UTC with milliseconds, money is a decimal string in US "
        + "dollars. Each error code has a page below /docs/errors. The permission that a route needs stands in x-crew-permission, where its crew comes from in "
        + "x-crew-crew-source, and what it writes to the audit log in x-crew-audit-events.";

    private static readonly (string Key, string Name, string Description, string Type)[] RequestHeaders =
    [
        ("CrewId", "X-Crew-Id", "The crew that the request is for. A credential bound to one crew needs no header.", "string"),
        ("Workspace", "X-Crew-Workspace", "The workspace to act in; read from account masters only, whose default is their first one.", "string"),
        ("Version", "X-Crew-Version", "The version of the API. Leave it out to get the latest.", "string"),
        ("IdempotencyKey", "Idempotency-Key", "1 to 255 printable ASCII characters. The same key with the same body runs once within 24 hours.", "string"),
        ("IfMatch", "If-Match", "The ETag that the change is based on. Another version by now: 412 version_conflict.", "string"),
        ("IfNoneMatch", "If-None-Match", "An ETag that is known already: 304 without a body where it still holds.", "string"),
    ];

    private static readonly (string Name, string Description, string Type)[] ResponseHeaders =
    [
        ("X-Request-Id", "Id of this request, always ours (req_…). Support and the audit log find the request by it.", "string"),
        ("X-Crew-Version", "The version of the API that answered.", "string"),
        ("X-RateLimit-Limit", "Requests a minute of the tighter limit: the workspace's, the key's, or the address's without a valid key.", "integer"),
        ("X-RateLimit-Remaining", "What is left of it in this minute; 0 within the burst.", "integer"),
        ("X-RateLimit-Reset", "When the minute ends, in Unix seconds.", "integer"),
        ("X-RateLimit-Window", "Length of the window in seconds.", "integer"),
        ("ETag", "Version of the thing, for If-Match and If-None-Match.", "string"),
        ("Retry-After", "Seconds after which the same request may succeed.", "integer"),
        ("Idempotency-Replayed", "true where a kept answer was sent again.", "string"),
    ];

    /// <summary>The headers of every answer of the API.</summary>
    public static readonly IReadOnlyList<string> Everywhere =
        ["X-Request-Id", "X-Crew-Version", "X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset", "X-RateLimit-Window"];

    public static JsonObject Reference(string kind, string name) => new() { ["$ref"] = $"#/components/{kind}/{name}" };

    public static JsonObject Headers(IEnumerable<string> names) => new(names.Select(n => KeyValuePair.Create(n, (JsonNode?)Reference("headers", n))));

    public static string ErrorName(Dialect dialect, int status) => $"{SchemaName(dialect)}{status}";

    private static string SchemaName(Dialect dialect) => dialect switch
    {
        Dialect.OpenAi => "OpenAiError",
        Dialect.Anthropic => "AnthropicError",
        _ => "Error",
    };

    public static JsonObject Components(ApiSchemas schemas, IEnumerable<(Dialect Dialect, string Code)> refusals)
    {
        var all = schemas.ToComponents();
        foreach (var (name, schema) in ErrorSchemas())
        {
            all[name] = schema;
        }

        return new JsonObject
        {
            ["securitySchemes"] = new JsonObject
            {
                ["bearer"] = new JsonObject
                {
                    ["type"] = "http",
                    ["scheme"] = "bearer",
                    ["description"] = "An API key: Authorization: Bearer crew_sk_live_… The headers x-api-key and api-key are read as well. "
                        + "Exactly one credential may be sent.",
                },
            },
            ["parameters"] = Parameters(),
            ["headers"] = new JsonObject(ResponseHeaders.Select(h => KeyValuePair.Create(h.Name,
                (JsonNode?)new JsonObject { ["description"] = h.Description, ["schema"] = new JsonObject { ["type"] = h.Type } }))),
            ["responses"] = Responses(refusals),
            ["schemas"] = new JsonObject(all.OrderBy(s => s.Key, StringComparer.Ordinal).Select(s => KeyValuePair.Create(s.Key, s.Value?.DeepClone()))),
        };
    }

    private static JsonObject Parameters()
    {
        var all = new JsonObject();
        foreach (var (key, name, description, type) in RequestHeaders)
        {
            all[key] = new JsonObject { ["name"] = name, ["in"] = "header", ["description"] = description, ["schema"] = new JsonObject { ["type"] = type } };
        }

        all["Version"]!["schema"] = new JsonObject { ["type"] = "string", ["enum"] = new JsonArray(HttpFaults.ApiVersion) };
        all["Limit"] = new JsonObject
        {
            ["name"] = "limit",
            ["in"] = "query",
            ["description"] = "How many items a page holds.",
            ["schema"] = new JsonObject { ["type"] = "integer", ["minimum"] = 1, ["maximum"] = Paging.MaximumLimit, ["default"] = Paging.DefaultLimit },
        };
        all["Cursor"] = new JsonObject
        {
            ["name"] = "cursor",
            ["in"] = "query",
            ["description"] = "pagination.next_cursor of the page before, unchanged.",
            ["schema"] = new JsonObject { ["type"] = "string" },
        };
        return all;
    }

    /// <summary>One shared refusal per status and dialect; which codes an operation gives stands in its x-crew-error-codes.</summary>
    private static JsonObject Responses(IEnumerable<(Dialect Dialect, string Code)> refusals)
    {
        var all = new JsonObject();
        foreach (var group in refusals.GroupBy(r => (r.Dialect, ErrorPages.All[r.Code].Status)).OrderBy(g => g.Key))
        {
            var (dialect, status) = group.Key;
            string[] retry = status is 409 or 429 or 503 ? ["Retry-After"] : [];
            all[ErrorName(dialect, status)] = new JsonObject
            {
                ["description"] = $"One of: {string.Join(", ", group.Select(r => r.Code).Order(StringComparer.Ordinal))}.",
                ["headers"] = Headers([.. Everywhere, .. retry]),
                ["content"] = new JsonObject { ["application/json"] = new JsonObject { ["schema"] = Reference("schemas", SchemaName(dialect)) } },
            };
        }

        return all;
    }

    private static IEnumerable<(string Name, JsonObject Schema)> ErrorSchemas()
    {
        var code = Field("string", "Stable code with a page at /docs/errors/{code}.");
        var message = Field("string", "A sentence for people: what was wrong and how to mend it.");
        var details = Field("object", "Further facts, such as field, required or reason.");
        var request = Field("string", "The same as X-Request-Id.");
        var error = Optional([("code", code), ("message", message)], ("details", details), ("retry_after", Field("integer", "The same as Retry-After.")));
        var failed = new JsonObject { ["type"] = "boolean", ["const"] = false };
        yield return ("Error", Object(("success", failed), ("error", error), ("request_id", request)));
        var param = new JsonObject { ["type"] = new JsonArray("string", "null"), ["description"] = "The field that was wrong, if it was one." };
        var openAi = Field("string", "OpenAI's kind of the error.");
        yield return ("OpenAiError", Object(("error", Optional(
            [("message", Copy(message)), ("type", openAi), ("param", param), ("code", Copy(code))], ("details", Copy(details))))));
        var anthropic = Optional(
            [("type", Field("string", "Anthropic's kind of the error.")), ("message", Copy(message)), ("code", Copy(code))], ("details", Copy(details)));
        var kind = new JsonObject { ["type"] = "string", ["const"] = "error" };
        yield return ("AnthropicError", Object(("type", kind), ("error", anthropic), ("request_id", Copy(request))));
    }

    private static JsonObject Field(string type, string description) => new() { ["type"] = type, ["description"] = description };

    private static JsonObject Copy(JsonObject field) => field.DeepClone().AsObject();

    private static JsonObject Object(params (string Name, JsonObject Schema)[] required) => Optional(required);

    private static JsonObject Optional((string Name, JsonObject Schema)[] required, params (string Name, JsonObject Schema)[] optional) => new()
    {
        ["type"] = "object",
        ["properties"] = new JsonObject(required.Concat(optional).Select(p => KeyValuePair.Create(p.Name, (JsonNode?)p.Schema))),
        ["required"] = new JsonArray([.. required.Select(p => (JsonNode)p.Name)]),
    };
}
