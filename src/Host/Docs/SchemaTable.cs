using System.Net;
using System.Text;
using System.Text.Json.Nodes;

namespace Crew.Host.Docs;

/// <summary>A schema as a table of fields; parts of parts stand below their parent with a dotted name.</summary>
internal sealed class SchemaTable(JsonObject document)
{
    private const int MostDepth = 4;

    public string Render(JsonObject schema, string caption)
    {
        var rows = new StringBuilder();
        var top = Resolve(schema);
        Rows(Item(top) is { } item ? Resolve(item) : top, "", 0, rows);
        if (rows.Length == 0)
        {
            return $"<p>{WebUtility.HtmlEncode(top["description"]?.GetValue<string>() ?? TypeOf(schema))}</p>\n";
        }

        return $"<div class=\"scroll\" tabindex=\"0\"><table><caption>{WebUtility.HtmlEncode(caption)}</caption><thead><tr><th scope=\"col\">Field</th>"
            + $"<th scope=\"col\">Type</th><th scope=\"col\">Meaning</th></tr></thead><tbody>\n{rows}</tbody></table></div>\n";
    }

    /// <summary>The type in words: <c>string (date-time) or null</c>, <c>list of string</c>.</summary>
    public string TypeOf(JsonObject schema)
    {
        if (schema["oneOf"] is JsonArray choices)
        {
            return string.Join(" or ", choices.Select(c => TypeOf(c!.AsObject())));
        }

        if (schema["$ref"] is not null)
        {
            return TypeOf(Resolve(schema));
        }

        if (schema["const"] is { } only)
        {
            return only.ToJsonString();
        }

        if (schema["enum"] is JsonArray words)
        {
            return string.Join(" | ", words.Select(w => w?.ToString() ?? "null"));
        }

        return string.Join(" or ", Types(schema).Select(type => type switch
        {
            "array" => $"list of {(schema["items"] is JsonObject item ? TypeOf(item) : "anything")}",
            "string" or "integer" when schema["format"] is { } format => $"{type} ({format})",
            _ => type,
        }));
    }

    private static IEnumerable<string> Types(JsonObject schema) => schema["type"] switch
    {
        JsonArray several => several.Select(t => t!.GetValue<string>()),
        JsonValue one => [one.GetValue<string>()],
        _ => ["anything"],
    };

    private void Rows(JsonObject schema, string prefix, int depth, StringBuilder html)
    {
        var required = schema["required"]?.AsArray().Select(r => r!.GetValue<string>()).ToHashSet() ?? [];
        foreach (var (name, node) in schema["properties"]?.AsObject() ?? [])
        {
            var field = node!.AsObject();
            var meaning = field["description"]?.GetValue<string>() ?? Inner(field)["description"]?.GetValue<string>() ?? "";
            var mark = required.Contains(name) ? "" : " <span class=\"soft\">optional</span>";
            html.Append($"<tr><td><code>{WebUtility.HtmlEncode(prefix + name)}</code>{mark}</td>");
            html.Append($"<td>{WebUtility.HtmlEncode(TypeOf(field))}</td><td>{WebUtility.HtmlEncode(meaning)}</td></tr>\n");
            var inner = Inner(field);
            var isList = Item(inner) is not null;
            var next = Item(inner) is { } item ? Resolve(item) : inner;
            if (depth < MostDepth && next["properties"] is not null)
            {
                Rows(next, $"{prefix}{name}{(isList ? "[]" : "")}.", depth + 1, html);
            }
        }
    }

    private static JsonObject? Item(JsonObject schema) => schema["items"] as JsonObject;

    /// <summary>The schema behind a reference, or behind "this or null".</summary>
    private JsonObject Inner(JsonObject schema) =>
        schema["oneOf"] is JsonArray choices ? Resolve(choices[0]!.AsObject()) : Resolve(schema);

    private JsonObject Resolve(JsonObject schema) => schema["$ref"]?.GetValue<string>() is { } reference ? Find(reference) : schema;

    /// <summary>A part of the document by its reference (<c>#/components/…</c>).</summary>
    public JsonObject Find(string reference) =>
        reference.Split('/').Skip(1).Aggregate((JsonNode)document, (node, name) => node[name]!).AsObject();
}
