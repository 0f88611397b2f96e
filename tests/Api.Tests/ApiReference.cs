using System.Text.Json;

namespace Crew.Api.Tests;

/// <summary>An operation as the API document describes it.</summary>
public sealed record ApiOperation(string Method, string Path, JsonElement Node)
{
    private static readonly string[] Gateway =
    [
        "chat", "messages", "responses", "completions", "embeddings", "models", "moderations", "images", "audio",
        "files", "batches", "conversations", "realtime",
    ];

    public string Name => $"{Method} {Path}";

    public bool HasId => Path.Contains('{');

    public bool IsAnonymous => Permissions is ["anonymous"];

    public bool HasBody => Node.TryGetProperty("requestBody", out _);

    public bool IsWorkspaceLevel => Node.GetProperty("x-crew-workspace-level").GetBoolean();

    /// <summary>Whether its refusals are OpenAI's error object.</summary>
    public bool IsGateway => Gateway.Contains(Path.Split('/')[2]);

    public IReadOnlyList<string> Permissions => Node.GetProperty("x-crew-permission") is { ValueKind: JsonValueKind.Array } several
        ? [.. several.EnumerateArray().Select(p => p.GetString()!)]
        : [Node.GetProperty("x-crew-permission").GetString()!];

    /// <summary>Whether its body is ours (and so read strictly), not another API's.</summary>
    public bool HasStrictBody => HasBody && Body.GetProperty("schema").TryGetProperty("$ref", out _);

    /// <summary>The example of its body, or an empty object.</summary>
    public string Example => HasBody && Body.TryGetProperty("example", out var example) ? example.GetRawText() : "{}";

    private JsonElement Body => Node.GetProperty("requestBody").GetProperty("content").GetProperty("application/json");

    public string At(string id) => string.Join('/', Path.Split('/').Select(part => part.StartsWith('{') ? id : part));

    public override string ToString() => Name;
}

/// <summary>The API document that a server gave.</summary>
public sealed class ApiReference
{
    public ApiReference(byte[] bytes)
    {
        Bytes = bytes;
        Root = JsonDocument.Parse(bytes).RootElement;
        Operations =
        [
            .. from path in Root.GetProperty("paths").EnumerateObject()
               from method in path.Value.EnumerateObject()
               select new ApiOperation(method.Name.ToUpperInvariant(), path.Name, method.Value),
        ];
    }

    public byte[] Bytes { get; }

    public JsonElement Root { get; }

    public IReadOnlyList<ApiOperation> Operations { get; }

    /// <summary>The operation that a call meets: one whose path stands so, or the closest with parameters. A model's id may hold slashes.</summary>
    public ApiOperation? Find(ApiCall call)
    {
        var path = call.Path.Split('/');
        return Operations.Where(o => o.Method == call.Method && Meets(o.Path.Split('/'), path))
            .OrderBy(o => o.Path.Count(c => c == '{')).ThenByDescending(o => o.Path.Length).FirstOrDefault();
    }

    private static bool Meets(string[] template, string[] path) =>
        (template.Length == path.Length || (template.Length < path.Length && template[^1].StartsWith('{') && template.Contains("models")))
        && template.Zip(path).All(pair => pair.First.StartsWith('{') ? pair.Second.Length > 0 : pair.First == pair.Second);

    public JsonElement Resolve(JsonElement node)
    {
        while (node.ValueKind == JsonValueKind.Object && node.TryGetProperty("$ref", out var reference))
        {
            node = reference.GetString()!.Split('/').Skip(1).Aggregate(Root, (at, name) => at.GetProperty(name));
        }

        return node;
    }

    /// <summary>What an answer has that its schema does not say, or lacks that it promises.</summary>
    public IEnumerable<string> Differences(JsonElement schema, JsonElement value, string place)
    {
        schema = Resolve(schema);
        if (schema.TryGetProperty("oneOf", out var choices))
        {
            return value.ValueKind == JsonValueKind.Null ? [] : Differences(choices[0], value, place);
        }

        return Wrong(schema, value) is { } wrong
            ? [$"{place} is {value.ValueKind}, not {wrong}"]
            : value.ValueKind switch
            {
                JsonValueKind.Object when schema.TryGetProperty("properties", out var properties) => OfObject(schema, properties, value, place),
                JsonValueKind.Array when schema.TryGetProperty("items", out var items) =>
                    value.EnumerateArray().SelectMany((item, index) => Differences(items, item, $"{place}[{index}]")),
                _ => [],
            };
    }

    private IEnumerable<string> OfObject(JsonElement schema, JsonElement properties, JsonElement value, string place)
    {
        var required = schema.TryGetProperty("required", out var names) ? names.EnumerateArray().Select(n => n.GetString()!) : [];
        return required.Where(name => !value.TryGetProperty(name, out _)).Select(name => $"{place} lacks {name}")
            .Concat(value.EnumerateObject().SelectMany(field => properties.TryGetProperty(field.Name, out var known)
                ? Differences(known, field.Value, $"{place}.{field.Name}")
                : [$"{place} has the undocumented {field.Name}"]));
    }

    private static string? Wrong(JsonElement schema, JsonElement value)
    {
        if (!schema.TryGetProperty("type", out var type))
        {
            return null;
        }

        var kind = value.ValueKind switch
        {
            JsonValueKind.String => "string",
            JsonValueKind.True or JsonValueKind.False => "boolean",
            JsonValueKind.Number => "number",
            JsonValueKind.Array => "array",
            JsonValueKind.Null => "null",
            _ => "object",
        };
        string[] allowed = type.ValueKind == JsonValueKind.Array ? [.. type.EnumerateArray().Select(t => t.GetString()!)] : [type.GetString()!];
        return allowed.Contains(kind) || (kind == "number" && allowed.Contains("integer")) ? null : string.Join(" or ", allowed);
    }
}
