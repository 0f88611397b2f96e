using System.Buffers;
using System.Text.Json;
using Crew.Gateway.Catalogue;
using Crew.Http;
using Crew.Kernel;
using Crew.Storage;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace Crew.Gateway.Calls;

/// <summary><c>GET /v1/models</c> in the form of the OpenAI dialect, or of the Anthropic one where <c>anthropic-version</c> is sent.</summary>
internal static class ModelList
{
    private const int MaximumLimit = 1_000;
    private const int AnthropicDefaultLimit = 20;

    public static void Map(IEndpointRouteBuilder app)
    {
        app.MapGet("/v1/models", (RequestDelegate)ListAsync)
            .WithName("Models.List").WithSummary("List the models that this credential may call.").WithTags("Models")
            .Requires(CrewSource.Header, "models:read", "models:invoke")
            .PassesOn("", "A list of models in OpenAI's form.");
        app.MapGet("/v1/models/{**id}", (RequestDelegate)ReadAsync)
            .WithName("Models.Read").WithSummary("Read one model that this credential may call; its id may hold slashes.").WithTags("Models")
            .Requires(CrewSource.Header, "models:read", "models:invoke")
            .PassesOn("", "A model in OpenAI's form.")
            .Refuses("model_not_found");
    }

    private static async Task ListAsync(HttpContext http)
    {
        var call = Call.Of(http);
        var models = await CallableAsync(call);
        var buffer = new ArrayBufferWriter<byte>(4_096);
        using (var json = new Utf8JsonWriter(buffer))
        {
            if (call.Dialect == Dialect.Anthropic)
            {
                WriteAnthropicList(json, models, http.Request.Query);
            }
            else
            {
                json.WriteStartObject();
                json.WriteString("object"u8, "list"u8);
                json.WriteStartArray("data"u8);
                models.ForEach(model => WriteOpenAi(json, model));
                json.WriteEndArray();
                json.WriteEndObject();
            }
        }

        await ServeAsync(call, buffer.WrittenMemory);
    }

    private static async Task ReadAsync(HttpContext http)
    {
        var call = Call.Of(http);
        var id = http.Request.RouteValues["id"] as string ?? "";
        var models = await CallableAsync(call);
        if (models.Find(m => m.Id == id) is not { } model)
        {
            await ErrorWriter.RefuseAsync(call, GatewayFaults.ModelNotFound);
            return;
        }

        var buffer = new ArrayBufferWriter<byte>(256);
        using (var json = new Utf8JsonWriter(buffer))
        {
            if (call.Dialect == Dialect.Anthropic)
            {
                WriteAnthropic(json, model);
            }
            else
            {
                WriteOpenAi(json, model);
            }
        }

        await ServeAsync(call, buffer.WrittenMemory);
    }

    private static async ValueTask<List<CatalogueModel>> CallableAsync(Call call)
    {
        var catalogue = (ModelCatalogue)call.Http.RequestServices.GetService(typeof(ModelCatalogue))!;
        var view = await catalogue.OfAsync(call.Workspace, call.Aborted);
        return [.. view.Models.Values.Where(m => ModelAccess.MayCall(call, m.Id) && ModelAccess.WithinRegions(call, m) is not null)
            .OrderBy(m => m.Id, StringComparer.Ordinal)];
    }

    private static void WriteOpenAi(Utf8JsonWriter json, CatalogueModel model)
    {
        json.WriteStartObject();
        json.WriteString("id"u8, model.Id);
        json.WriteString("object"u8, "model"u8);
        json.WriteNumber("created"u8, model.CreatedAt.ToUnixTimeSeconds());
        json.WriteString("owned_by"u8, model.OwnedBy);
        json.WriteEndObject();
    }

    private static void WriteAnthropic(Utf8JsonWriter json, CatalogueModel model)
    {
        json.WriteStartObject();
        json.WriteString("type"u8, "model"u8);
        json.WriteString("id"u8, model.Id);
        json.WriteString("display_name"u8, model.Id);
        json.WriteString("created_at"u8, Timestamp.ToText(model.CreatedAt));
        json.WriteEndObject();
    }

    private static void WriteAnthropicList(Utf8JsonWriter json, List<CatalogueModel> models, IQueryCollection query)
    {
        var limit = int.TryParse(query["limit"], out var asked) ? Math.Clamp(asked, 1, MaximumLimit) : AnthropicDefaultLimit;
        var after = query["after_id"].ToString();
        var rest = models.Where(m => after.Length == 0 || string.CompareOrdinal(m.Id, after) > 0).ToList();
        var page = rest.Take(limit).ToList();
        json.WriteStartObject();
        json.WriteStartArray("data"u8);
        page.ForEach(model => WriteAnthropic(json, model));
        json.WriteEndArray();
        json.WriteBoolean("has_more"u8, rest.Count > page.Count);
        json.WriteString("first_id"u8, page.Count > 0 ? page[0].Id : null);
        json.WriteString("last_id"u8, page.Count > 0 ? page[^1].Id : null);
        json.WriteEndObject();
    }

    private static async Task ServeAsync(Call call, ReadOnlyMemory<byte> body)
    {
        var store = (Store)call.Http.RequestServices.GetService(typeof(Store))!;
        var work = new AccessWork(call);
        work.Record(200, null);
        var clock = (TimeProvider)call.Http.RequestServices.GetService(typeof(TimeProvider))!;
        if (!await store.Committer.AppendWithinAsync(work, DatabaseWatch.Patience, clock))
        {
            await ErrorWriter.WriteAsync(call, Faults.AuditUnavailable);
            return;
        }

        if (work.IsRevoked)
        {
            await ErrorWriter.WriteAsync(call, GatewayFaults.KeyRevoked);
            return;
        }

        var response = call.Http.Response;
        response.ContentType = "application/json; charset=utf-8";
        response.ContentLength = body.Length;
        await response.Body.WriteAsync(body, call.Aborted);
    }
}
