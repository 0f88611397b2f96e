using System.Net;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Crew.Http;

namespace Crew.Host.Docs;

/// <summary>The API reference as one plain page, made from the API document.</summary>
internal sealed partial class ReferencePage(JsonObject document)
{
    private static readonly JsonSerializerOptions Compact = new() { Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    private readonly SchemaTable _tables = new(document);

    public string Render()
    {
        var groups = Operation.All(document).GroupBy(o => o.Tag).OrderBy(g => g.Key, StringComparer.Ordinal).ToList();
        var main = new StringBuilder();
        main.Append("<h1>API reference</h1>\n");
        var version = Text(document["info"]!["version"]!.GetValue<string>());
        main.Append($"<p class=\"lead\">Version {version}. Send an API key as <code>Authorization: Bearer …</code>. The same reference for machines: "
            + "<a href=\"/openapi/v1.json\">/openapi/v1.json</a>. See also the <a href=\"/docs/errors\">error codes</a> and the "
            + "<a href=\"/docs/permissions\">table of permissions</a>.</p>\n");
        main.Append(Conventions);
        foreach (var group in groups)
        {
            main.Append($"<section aria-labelledby=\"tag-{Slug(group.Key)}\"><h2 id=\"tag-{Slug(group.Key)}\">{Text(group.Key)}</h2>\n");
            foreach (var operation in group)
            {
                Append(main, operation);
            }

            main.Append("</section>\n");
        }

        return DocsLayout.Page("API reference", main.ToString(), Navigation(groups));
    }

    private const string Conventions = """
        <section aria-labelledby="conventions"><h2 id="conventions">Conventions</h2>
        <ul>
        <li>Success is <code>{"success": true, "data": …}</code>; lists add <code>pagination</code> with <code>next_cursor</code> and <code>has_more</code>.
        A refusal is <code>{"success": false, "error": {"code", "message", …}, "request_id"}</code>.
        Paths of the gateway answer in OpenAI's form instead.</li>
        <li>Every answer carries <code>X-Request-Id</code> and the <code>X-RateLimit-*</code> headers; <code>X-Crew-Version</code> may name the
        version to use.</li>
        <li>Reads send an <code>ETag</code>; changes honour <code>If-Match</code>. POSTs honour <code>Idempotency-Key</code> for 24 hours.</li>
        <li>Times are RFC 3339 in UTC, money is a decimal string in US dollars, unknown fields are refused.</li>
        </ul></section>

        """;

    private static string Navigation(IEnumerable<IGrouping<string, Operation>> groups)
    {
        var html = new StringBuilder();
        foreach (var group in groups)
        {
            html.Append($"<li><a class=\"tag\" href=\"#tag-{Slug(group.Key)}\">{Text(group.Key)}</a><ul>\n");
            foreach (var operation in group)
            {
                html.Append($"<li><a href=\"#{operation.Anchor}\">{Badge(operation.Method)} <span>{Text(operation.Path["/v1".Length..])}</span></a></li>\n");
            }

            html.Append("</ul></li>\n");
        }

        return html.ToString();
    }

    private void Append(StringBuilder html, Operation operation)
    {
        html.Append($"<article id=\"{operation.Anchor}\"><h3>{Badge(operation.Method)} <code>{Text(operation.Path)}</code></h3>\n");
        html.Append($"<p>{Text(operation.Summary)}</p>\n");
        if (operation.Description is { } description)
        {
            html.Append($"<p>{Text(description)}</p>\n");
        }

        Facts(html, operation);
        Parameters(html, operation);
        if (operation.Body is { } body)
        {
            html.Append("<h4>Request body</h4>\n").Append(_tables.Render(body["schema"]!.AsObject(), $"Fields of the body of {operation.Id}"));
        }

        html.Append($"<h4>Example</h4>\n<pre tabindex=\"0\"><code>{Text(Curl(operation))}</code></pre>\n");
        foreach (var (status, answer) in operation.Successes)
        {
            html.Append($"<details><summary>Answer {status}</summary>\n{Answer(operation, answer)}</details>\n");
        }

        Errors(html, operation);
        html.Append("</article>\n");
    }

    private static void Facts(StringBuilder html, Operation operation)
    {
        var permission = operation.Permissions switch
        {
            ["anonymous"] => "none: open to everybody",
            ["authenticated"] => "none: any valid credential",
            var names => string.Join(" or ", names.Select(n => $"<code>{Text(n)}</code>")),
        };
        var crew = operation.CrewSource switch
        {
            "path" => "in the path",
            "body" => "in the body",
            "header" => "header <code>X-Crew-Id</code>, or the credential's own",
            _ => "none",
        };
        IReadOnlyList<string> events = operation.AuditEvents.Count == 0 ? ["api_key.used"] : operation.AuditEvents;
        html.Append($"<dl class=\"facts\"><div><dt>Permission</dt><dd>{permission}</dd></div><div><dt>Crew</dt><dd>{crew}</dd></div>");
        html.Append($"<div><dt>Audit events</dt><dd>{string.Join(", ", events.Select(e => $"<code>{Text(e)}</code>"))}</dd></div></dl>\n");
        if (operation.IsWorkspaceLevel)
        {
            html.Append("<p class=\"soft\">Workspace-level: credentials bound to test mode, an environment or a crew get 404.</p>\n");
        }
    }

    private void Parameters(StringBuilder html, Operation operation)
    {
        html.Append("<details><summary>Parameters and headers</summary>\n<div class=\"scroll\" tabindex=\"0\"><table><thead><tr><th scope=\"col\">Name</th>"
            + "<th scope=\"col\">In</th><th scope=\"col\">Type</th><th scope=\"col\">Meaning</th></tr></thead><tbody>\n");
        foreach (var node in operation.Node["parameters"]!.AsArray().Select(p => p!.AsObject()))
        {
            var parameter = node["$ref"] is { } reference ? _tables.Find(reference.GetValue<string>()) : node;
            var place = parameter["in"]!.GetValue<string>();
            var meaning = parameter["description"]?.GetValue<string>() ?? (place == "path" ? "The thing meant. A malformed id is 404." : "");
            var type = _tables.TypeOf(parameter["schema"]!.AsObject());
            html.Append($"<tr><td><code>{Text(parameter["name"]!.GetValue<string>())}</code></td><td>{place}</td><td>{Text(type)}</td>");
            html.Append($"<td>{Text(meaning)}</td></tr>\n");
        }

        html.Append("</tbody></table></div></details>\n");
    }

    private string Answer(Operation operation, JsonObject answer)
    {
        var (type, content) = answer["content"]!.AsObject().First();
        var schema = content!["schema"]!.AsObject();
        return type == "application/json"
            ? _tables.Render(schema, $"Fields of the answer of {operation.Id}")
            : $"<p>{Text(string.Join(" or ", answer["content"]!.AsObject().Select(c => c.Key)))}</p>\n";
    }

    private static void Errors(StringBuilder html, Operation operation)
    {
        html.Append("<details><summary>Errors</summary>\n<dl class=\"errors\">\n");
        foreach (var status in operation.ErrorCodes.GroupBy(code => ErrorPages.All[code].Status).OrderBy(g => g.Key))
        {
            var links = status.Select(code => $"<a href=\"/docs/errors/{code}\">{code}</a>");
            html.Append($"<div><dt>{status.Key}</dt><dd>{string.Join(", ", links)}</dd></div>\n");
        }

        html.Append("</dl></details>\n");
    }

    private static string Curl(Operation operation)
    {
        var curl = new StringBuilder("curl -s ");
        if (operation.Method != "GET")
        {
            curl.Append($"-X {operation.Method} ");
        }

        curl.Append($"\"$CREW{PathParameter().Replace(operation.Path, name => $"${name.Groups[1].Value.ToUpperInvariant()}")}\"");
        if (operation.Permissions is not ["anonymous"])
        {
            curl.Append(" \\\n  -H \"Authorization: Bearer $CREW_KEY\"");
        }

        if (operation.Body is { } body)
        {
            var example = (body["example"] ?? new JsonObject()).ToJsonString(Compact);
            curl.Append(" \\\n  -H 'Content-Type: application/json' \\\n  -d '").Append(example).Append('\'');
        }

        return curl.ToString();
    }

    private static string Badge(string method) => $"<span class=\"method {method.ToLowerInvariant()}\">{method}</span>";

    private static string Slug(string tag) => tag.ToLowerInvariant().Replace(' ', '-');

    private static string Text(string text) => WebUtility.HtmlEncode(text);

    [GeneratedRegex(@"\{(\w+)\}")]
    private static partial Regex PathParameter();
}
