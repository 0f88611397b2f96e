using System.Text.Json;
using Microsoft.AspNetCore.Http;

namespace Crew.Testing;

/// <summary>Lists models as OpenAI does.</summary>
internal static class MockCatalogue
{
    public static Task ServeAsync(HttpContext context, string path, IReadOnlyList<string> models)
    {
        if (path == "/v1/models")
        {
            return context.Response.WriteAsJsonAsync(new { @object = "list", data = models.Select(Entry) });
        }

        var asked = path["/v1/models".Length..].TrimStart('/');
        return models.Contains(asked)
            ? context.Response.WriteAsJsonAsync(Entry(asked))
            : MockChat.RefuseAsync(context, 404, "model_not_found", "The model does not exist.");
    }

    private static object Entry(string id) => new { id, @object = "model", created = 1_767_225_600, owned_by = "mock" };
}

/// <summary>
/// Scripts the provider from another process: <c>POST /control/script {"default"?, "next"?[], "models"?{}}</c>,
/// <c>POST /control/reset</c>, <c>GET /control/books</c>.
/// </summary>
internal static class MockControl
{
    public const string Prefix = "/control/";

    private sealed record Script(MockBehavior? Default, MockBehavior[]? Next, Dictionary<string, MockBehavior>? Models);

    public static Task ServeAsync(HttpContext context, MockProvider provider) => context.Request.Path.Value switch
    {
        Prefix + "script" => ScriptAsync(context, provider),
        Prefix + "reset" => ResetAsync(context, provider),
        Prefix + "books" => BooksAsync(context, provider.Books),
        _ => MockChat.RefuseAsync(context, 404, "unknown_control", "There is no such control."),
    };

    private static async Task ScriptAsync(HttpContext context, MockProvider provider)
    {
        Script? script;
        try
        {
            script = await JsonSerializer.DeserializeAsync<Script>(context.Request.Body, MockBehavior.Json, context.RequestAborted);
        }
        catch (JsonException wrong)
        {
            await MockChat.RefuseAsync(context, 400, "bad_script", wrong.Message);
            return;
        }

        provider.Default = script?.Default ?? provider.Default;
        provider.Next(script?.Next ?? []);
        foreach (var (model, behavior) in script?.Models ?? [])
        {
            provider.ForModel(model, behavior);
        }

        context.Response.StatusCode = 204;
    }

    private static async Task ResetAsync(HttpContext context, MockProvider provider)
    {
        await provider.Books.QuietAsync(TimeSpan.FromSeconds(10));
        provider.Reset();
        context.Response.StatusCode = 204;
    }

    private static Task BooksAsync(HttpContext context, MockBooks books) => JsonSerializer.SerializeAsync(context.Response.Body, new
    {
        books.Received,
        books.InFlight,
        books.PromptTokens,
        books.CompletionTokens,
        books.TotalNanoUsd,
        books.Bills,
    }, MockBehavior.Json, context.RequestAborted);
}
