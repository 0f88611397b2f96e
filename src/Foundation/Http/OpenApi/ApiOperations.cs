using System.Reflection;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Metadata;
using Microsoft.AspNetCore.Routing;

namespace Crew.Http.OpenApi;

/// <summary>One operation of the document from the metadata of its route.</summary>
internal sealed class ApiOperations(ApiSchemas schemas)
{
    private static readonly string[] MethodOrder = ["GET", "POST", "PUT", "PATCH", "DELETE"];

    private readonly HashSet<(Dialect Dialect, string Code)> _refusals = [];

    /// <summary>The refusals of all operations that were described so far.</summary>
    public IEnumerable<(Dialect Dialect, string Code)> Refusals => _refusals;

    public static int Rank(string method) => Array.IndexOf(MethodOrder, method);

    public static IReadOnlyList<string> MethodsOf(RouteEndpoint endpoint) => endpoint.Metadata.GetMetadata<IHttpMethodMetadata>()?.HttpMethods ?? [];

    /// <summary>The path as OpenAPI writes it: no closing slash, parameters without constraints.</summary>
    public static string PathOf(RouteEndpoint endpoint) => "/" + string.Join('/', endpoint.RoutePattern.PathSegments.Select(segment =>
        string.Concat(segment.Parts.Select(part => part switch
        {
            Microsoft.AspNetCore.Routing.Patterns.RoutePatternParameterPart parameter => $"{{{parameter.Name}}}",
            Microsoft.AspNetCore.Routing.Patterns.RoutePatternLiteralPart literal => literal.Content,
            _ => "",
        }))));

    public JsonObject Describe(RouteEndpoint endpoint, string method, string path)
    {
        var metadata = endpoint.Metadata;
        var rules = metadata.GetMetadata<RouteRules>() ?? throw new InvalidOperationException($"{path} declares no rules.");
        var operation = new JsonObject
        {
            ["operationId"] = metadata.GetMetadata<IEndpointNameMetadata>()?.EndpointName,
            ["summary"] = metadata.GetMetadata<IEndpointSummaryMetadata>()?.Summary,
            ["tags"] = new JsonArray([.. (metadata.GetMetadata<ITagsMetadata>()?.Tags ?? []).Select(t => (JsonNode)t)]),
        };
        if (metadata.GetMetadata<IEndpointDescriptionMetadata>() is { } described)
        {
            operation["description"] = described.Description;
        }

        operation["x-crew-permission"] = PermissionOf(rules);
        operation["x-crew-crew-source"] = rules.Crew.ToString().ToLowerInvariant();
        operation["x-crew-audit-events"] = Texts(metadata.GetMetadata<AuditedRoute>()?.Events ?? []);
        operation["x-crew-workspace-level"] = metadata.GetMetadata<WorkspaceLevelRoute>() is not null;
        if (rules.Access == Access.Anonymous)
        {
            operation["security"] = new JsonArray();
        }

        operation["parameters"] = Parameters(endpoint, method, rules);
        if (Body(metadata) is { } body)
        {
            operation["requestBody"] = body;
        }

        var codes = Codes(endpoint, method, rules);
        operation["x-crew-error-codes"] = Texts(codes);
        operation["responses"] = Responses(endpoint, method, path, codes);
        return operation;
    }

    /// <summary><c>anonymous</c>, <c>authenticated</c>, one permission, or several of which one is needed.</summary>
    private static JsonNode PermissionOf(RouteRules rules) => rules.Access switch
    {
        Access.Anonymous => "anonymous",
        Access.Authenticated => "authenticated",
        _ when rules.AnyOf.Count == 1 => rules.AnyOf[0].ToString(),
        _ => Texts(rules.AnyOf.Select(p => p.ToString())),
    };

    private static JsonArray Texts(IEnumerable<string> texts) => new([.. texts.Select(t => (JsonNode)t)]);

    private JsonArray Parameters(RouteEndpoint endpoint, string method, RouteRules rules)
    {
        var all = new JsonArray();
        foreach (var name in endpoint.RoutePattern.Parameters.Select(p => p.Name))
        {
            all.Add(new JsonObject { ["name"] = name, ["in"] = "path", ["required"] = true, ["schema"] = new JsonObject { ["type"] = "string" } });
        }

        var arguments = endpoint.Metadata.GetMetadata<MethodInfo>()?.GetParameters() ?? [];
        foreach (var argument in arguments.Where(a => IsQuery(a) && endpoint.RoutePattern.GetParameter(a.Name!) is null))
        {
            var schema = schemas.Of(Nullable.GetUnderlyingType(argument.ParameterType) ?? argument.ParameterType, isInput: true);
            all.Add(new JsonObject { ["name"] = argument.Name, ["in"] = "query", ["schema"] = schema });
        }

        foreach (var query in endpoint.Metadata.GetOrderedMetadata<QueryParameter>())
        {
            var schema = new JsonObject { ["type"] = "string" };
            all.Add(new JsonObject { ["name"] = query.Name, ["in"] = "query", ["description"] = query.Description, ["schema"] = schema });
        }

        string[] paging = arguments.Any(a => a.ParameterType == typeof(Paging)) ? ["Limit", "Cursor"] : [];
        string[] tenancy = rules.Access == Access.Anonymous ? [] : ["CrewId", "Workspace"];
        string[] once = IsIdempotent(endpoint, method) ? ["IdempotencyKey"] : [];
        string[] version = Codes(endpoint, method, rules).Contains("version_conflict") ? ["IfMatch"]
            : method == "GET" && HasVersion(endpoint) ? ["IfNoneMatch"] : [];
        foreach (var name in (string[])[.. paging, .. tenancy, .. once, .. version, "Version"])
        {
            all.Add(ApiParts.Reference("parameters", name));
        }

        return all;
    }

    private static bool IsQuery(ParameterInfo argument)
    {
        var type = Nullable.GetUnderlyingType(argument.ParameterType) ?? argument.ParameterType;
        return type == typeof(string) || type == typeof(bool) || type == typeof(int) || type == typeof(long) || type == typeof(DateTimeOffset) || type.IsEnum;
    }

    private static bool IsIdempotent(RouteEndpoint endpoint, string method) =>
        method == "POST" && endpoint.Metadata.GetMetadata<NotIdempotentRoute>() is null
        && endpoint.Metadata.GetMetadata<RouteRules>()!.Access != Access.Anonymous;

    /// <summary>Single things have a version; lists and reports do not.</summary>
    private static bool HasVersion(RouteEndpoint endpoint) => PathOf(endpoint).EndsWith('}')
        && AnswersOf(endpoint).Any(a => a.Type is { IsGenericType: true } type && type.GetGenericTypeDefinition() == typeof(Envelope<>));

    private static IEnumerable<IProducesResponseTypeMetadata> AnswersOf(RouteEndpoint endpoint) =>
        endpoint.Metadata.OfType<IProducesResponseTypeMetadata>().Where(a => a.StatusCode is >= 200 and < 300);

    private JsonObject? Body(EndpointMetadataCollection metadata)
    {
        JsonObject content;
        if (metadata.GetMetadata<ForeignShape>() is { } foreign && metadata.GetMetadata<BodyShape>() is null)
        {
            if (foreign.Body.Length == 0)
            {
                return null;
            }

            content = new JsonObject { ["schema"] = new JsonObject { ["type"] = "object", ["description"] = foreign.Body } };
        }
        else if (metadata.GetMetadata<BodyShape>() is { Type: var type })
        {
            content = new JsonObject { ["schema"] = schemas.Of(type, isInput: true) };
        }
        else
        {
            return null;
        }

        if (metadata.GetMetadata<ExampleBody>() is { } example)
        {
            content["example"] = JsonNode.Parse(example.Json);
        }

        return new JsonObject { ["required"] = true, ["content"] = new JsonObject { ["application/json"] = content } };
    }

    private JsonObject Responses(RouteEndpoint endpoint, string method, string path, IReadOnlyCollection<string> codes)
    {
        var all = new JsonObject();
        string[] version = HasVersion(endpoint) ? ["ETag"] : [];
        string[] replay = IsIdempotent(endpoint, method) ? ["Idempotency-Replayed"] : [];
        string[] headers = [.. ApiParts.Everywhere, .. version, .. replay];
        if (endpoint.Metadata.GetMetadata<ForeignShape>() is { Answer.Length: > 0 } foreign)
        {
            all["200"] = Success(headers, ["application/json"], new JsonObject { ["type"] = "object", ["description"] = foreign.Answer });
        }
        else
        {
            var status = endpoint.Metadata.GetMetadata<CreatedRoute>() is not null ? 201 : endpoint.Metadata.GetMetadata<AcceptedRoute>() is not null ? 202 : (int?)null;
            foreach (var answer in AnswersOf(endpoint).OrderBy(a => a.StatusCode).DistinctBy(a => a.StatusCode))
            {
                var isOurs = answer.Type is { IsGenericType: true };
                all[(status ?? answer.StatusCode).ToString(System.Globalization.CultureInfo.InvariantCulture)] = Success(headers, answer.ContentTypes,
                    isOurs ? schemas.OfAnswer(answer.Type!) : new JsonObject { ["type"] = "string" });
            }
        }

        var dialect = Dialects.Of(path, anthropicVersion: false);
        _refusals.UnionWith(codes.Select(code => (dialect, code)));
        foreach (var status in codes.Select(c => ErrorPages.All[c].Status).Distinct().Order())
        {
            all[status.ToString(System.Globalization.CultureInfo.InvariantCulture)] = ApiParts.Reference("responses", ApiParts.ErrorName(dialect, status));
        }

        return all;
    }

    private static JsonObject Success(IEnumerable<string> headers, IEnumerable<string> contentTypes, JsonObject schema) => new()
    {
        ["description"] = "Success.",
        ["headers"] = ApiParts.Headers(headers),
        ["content"] = new JsonObject(contentTypes.Select(type => KeyValuePair.Create(type, (JsonNode?)new JsonObject { ["schema"] = schema.DeepClone() }))),
    };

    /// <summary>What the way in refuses on this route, and what the route itself says it refuses.</summary>
    private static SortedSet<string> Codes(RouteEndpoint endpoint, string method, RouteRules rules)
    {
        var codes = new SortedSet<string>(StringComparer.Ordinal) { "unknown_version", "rate_limit_exceeded", "internal_error", "storage_unavailable" };
        void Add(bool applies, params string[] more) => codes.UnionWith(applies ? more : []);
        Add(rules.Access != Access.Anonymous, "invalid_api_key", "expired_api_key", "key_in_url", "key_in_browser", "ambiguous_credentials", "ip_not_allowed",
            "workspace_suspended", "not_found", "audit_unavailable", "node_cut_off");
        Add(rules.Access == Access.Permission, "insufficient_permissions");
        var hasBody = endpoint.Metadata.GetMetadata<BodyShape>() is not null || endpoint.Metadata.GetMetadata<ForeignShape>() is { Body.Length: > 0 };
        Add(hasBody, "invalid_json", "invalid_request", "body_too_large", "unsupported_media_type", "repeated_field");
        Add(hasBody && endpoint.Metadata.GetMetadata<ForeignShape>() is null, "unknown_field");
        Add(endpoint.Metadata.GetMetadata<MethodInfo>()?.GetParameters().Any(p => p.ParameterType == typeof(Paging) || IsQuery(p)) == true, "invalid_request");
        Add(endpoint.Metadata.GetOrderedMetadata<QueryParameter>().Count > 0, "invalid_request");
        Add(IsIdempotent(endpoint, method), "idempotency_conflict", "idempotency_in_progress", "already_created", "invalid_request");
        Add(method is "PUT" or "PATCH" or "DELETE", "version_conflict");
        Add(method != "GET" && endpoint.Metadata.GetMetadata<ForeignShape>() is null, "outcome_unknown");
        Add(endpoint.Metadata.GetMetadata<ForeignShape>() is not null, "node_stopping");
        Add(true, [.. endpoint.Metadata.GetOrderedMetadata<RefusingRoute>().SelectMany(r => r.Codes)]);
        return codes;
    }
}
