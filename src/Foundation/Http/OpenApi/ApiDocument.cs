using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;

namespace Crew.Http.OpenApi;

/// <summary>
/// The OpenAPI 3.1 document of every <c>/v1</c> route, made once from what the routes declare about themselves. Its bytes depend
/// on the routes alone, so that the committed copy can be compared with them.
/// </summary>
public sealed class ApiDocument
{
    /// <summary>Where the document is served.</summary>
    public const string Path = "/openapi/v1.json";

    private static readonly JsonSerializerOptions Layout =
        new() { WriteIndented = true, NewLine = "\n", Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    private readonly Lazy<JsonObject> _root;
    private readonly Lazy<byte[]> _bytes;

    public ApiDocument(EndpointDataSource endpoints)
    {
        _root = new Lazy<JsonObject>(() => Build([.. endpoints.Endpoints.OfType<RouteEndpoint>()]));
        _bytes = new Lazy<byte[]>(() => [.. JsonSerializer.SerializeToUtf8Bytes(_root.Value, Layout), (byte)'\n']);
    }

    /// <summary>The document; shared, so not to be changed.</summary>
    public JsonObject Root => _root.Value;

    public ReadOnlyMemory<byte> Bytes => _bytes.Value;

    private static JsonObject Build(IReadOnlyList<RouteEndpoint> endpoints)
    {
        var schemas = new ApiSchemas();
        var operations = new ApiOperations(schemas);
        var paths = new JsonObject();
        var tags = new SortedSet<string>(StringComparer.Ordinal);
        var described = endpoints.Where(e => ApiOperations.PathOf(e).StartsWith("/v1/", StringComparison.Ordinal))
            .SelectMany(e => ApiOperations.MethodsOf(e).Select(method => (Path: ApiOperations.PathOf(e), Method: method, Endpoint: e)))
            .OrderBy(e => e.Path, StringComparer.Ordinal).ThenBy(e => ApiOperations.Rank(e.Method));
        foreach (var (path, method, endpoint) in described)
        {
            if (paths[path] is not JsonObject item)
            {
                paths[path] = item = [];
            }

            var operation = operations.Describe(endpoint, method, path);
            tags.UnionWith(operation["tags"]!.AsArray().Select(t => t!.GetValue<string>()));
            item[method.ToLowerInvariant()] = operation;
        }

        return new JsonObject
        {
            ["openapi"] = "3.1.0",
            ["info"] = new JsonObject { ["title"] = "Crew", ["version"] = HttpFaults.ApiVersion, ["description"] = ApiParts.About },
            ["servers"] = new JsonArray(new JsonObject { ["url"] = "/" }),
            ["security"] = new JsonArray(new JsonObject { ["bearer"] = new JsonArray() }),
            ["tags"] = new JsonArray([.. tags.Select(t => (JsonNode)new JsonObject { ["name"] = t })]),
            ["paths"] = paths,
            ["components"] = ApiParts.Components(schemas, operations.Refusals),
        };
    }
}

/// <summary>Composition of the API document.</summary>
public static class ApiDocuments
{
    public static IServiceCollection AddApiDocument(this IServiceCollection services) => services.AddSingleton<ApiDocument>();

    public static void MapApiDocument(this IEndpointRouteBuilder app) =>
        app.MapGet(ApiDocument.Path, (HttpContext http, ApiDocument document) =>
            {
                http.Response.Headers.CacheControl = "no-cache";
                return Results.Bytes(document.Bytes, "application/json");
            })
            .WithName("OpenApi.Read").WithSummary("This API as an OpenAPI 3.1 document.").WithTags("Pages").ExcludeFromDescription().AllowsAnonymous();
}
