using System.Globalization;
using System.Net.Http.Headers;
using System.Text.Json;

namespace Crew.Testing;

/// <summary>A management call that the product refused; the message carries its whole answer.</summary>
public sealed class CrewApiException(string call, int status, string code, string body)
    : Exception($"{call} answered {status} {code}: {body}")
{
    public int Status => status;

    public string Code => code;
}

public sealed record CreatedKey(string Id, string Key);

public sealed record NewKey
{
    public string Name { get; init; } = "test key";

    public IReadOnlyList<string> Permissions { get; init; } = ["models:invoke"];

    public string? Kind { get; init; }

    /// <summary>Exactly one of mode, environment and crew id; without any the key is a workspace-wide live one.</summary>
    public string? Mode { get; init; }

    public string? Environment { get; init; }

    public string? CrewId { get; init; }

    public string? ParentId { get; init; }

    public IReadOnlyList<string>? AllowedIps { get; init; }

    public IReadOnlyList<string>? AllowedModels { get; init; }

    public int? RateLimitPerMinute { get; init; }

    public DateTimeOffset? ExpiresAt { get; init; }

    public NewKeyBudget? Budget { get; init; }
}

public sealed record NewKeyBudget(string AmountUsd, string Window = "total", string Mode = "strict");

public sealed record NewModel
{
    public required string Id { get; init; }

    public required string ProviderId { get; init; }

    /// <summary>Without it the model's own id.</summary>
    public string? UpstreamModel { get; init; }

    public string InputUsd { get; init; } = "0.15";

    public string OutputUsd { get; init; } = "0.60";

    public string? CacheReadUsd { get; init; } = "0.075";

    public string? CacheWriteUsd { get; init; }

    public int? ContextWindow { get; init; } = 128_000;

    public int? MaxOutputTokens { get; init; } = 4_096;
}

/// <summary>What a test means to do, in the words of the management API; by the account master unless told otherwise.</summary>
public sealed partial class CrewServer
{
    private HttpClient? _master;

    /// <summary>The account master's client.</summary>
    public HttpClient Master => _master ??= Client(Installation.ApiKeys.Live);

    public async Task<CreatedKey> CreateKeyAsync(NewKey key, HttpClient? by = null)
    {
        var expires = key.ExpiresAt?.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss.fff'Z'", CultureInfo.InvariantCulture);
        var mode = key is { Mode: null, Environment: null, CrewId: null } ? "live" : key.Mode;
        var data = await PostAsync("/v1/api-keys", new Dictionary<string, object?>
        {
            ["name"] = key.Name,
            ["permissions"] = key.Permissions,
            ["kind"] = key.Kind,
            ["mode"] = mode,
            ["environment"] = key.Environment,
            ["crew_id"] = key.CrewId,
            ["parent_id"] = key.ParentId,
            ["allowed_ips"] = key.AllowedIps,
            ["allowed_models"] = key.AllowedModels,
            ["rate_limit_per_minute"] = key.RateLimitPerMinute,
            ["expires_at"] = expires,
            ["budget"] = key.Budget is { } budget
                ? new { amount_usd = budget.AmountUsd, window = budget.Window, mode = budget.Mode }
                : null,
        }, by);
        return new CreatedKey(Text(data, "id"), Text(data, "key"));
    }

    /// <summary>Registers a mock provider and returns the id of the record.</summary>
    public async Task<string> CreateProviderAsync(
        MockProvider mock, string name = "mock", string credential = "mock-provider-credential", HttpClient? by = null, bool cancelStopsBilling = false,
        string kind = "openai", int? cancelMarginTokens = null) =>
        Text(await PostAsync("/v1/gateway/providers", new Dictionary<string, object?>
        {
            ["name"] = name,
            ["kind"] = kind,
            ["base_url"] = (kind is "anthropic" or "azure_openai" ? mock.AnthropicBaseUrl : mock.BaseUrl).ToString(),
            ["api_version"] = kind == "azure_openai" ? "2024-10-21" : null,
            ["api_key"] = credential,
            ["cancel_stops_billing"] = cancelStopsBilling,
            ["cancel_margin_tokens"] = cancelMarginTokens,
        }, by), "id");

    public async Task<string> CreateProviderAtAsync(Uri baseUrl, string credential, HttpClient? by = null, string kind = "openai") =>
        Text(await PostAsync("/v1/gateway/providers", new Dictionary<string, object?>
        {
            ["name"] = baseUrl.Host,
            ["kind"] = kind,
            ["base_url"] = baseUrl.ToString(),
            ["api_key"] = credential,
        }, by), "id");

    public async Task<JsonElement> CreateModelAsync(NewModel model, HttpClient? by = null)
    {
        var price = new Dictionary<string, object?>
        {
            ["input"] = model.InputUsd,
            ["output"] = model.OutputUsd,
            ["cache_read"] = model.CacheReadUsd,
            ["cache_write"] = model.CacheWriteUsd,
        };
        return await PostAsync("/v1/gateway/models", new Dictionary<string, object?>
        {
            ["id"] = model.Id,
            ["targets"] = new[] { new { provider_id = model.ProviderId, upstream_model = model.UpstreamModel ?? model.Id } },
            ["price_per_million_usd"] = Present(price),
            ["context_window"] = model.ContextWindow,
            ["max_output_tokens"] = model.MaxOutputTokens,
        }, by);
    }

    /// <summary>Sets a cap and returns the id of the budget.</summary>
    /// <param name="scope"><c>organization</c>, <c>workspace</c>, <c>crew:crew_…</c>, <c>user:user_…</c> or <c>key:key_…</c>.</param>
    public async Task<string> CreateBudgetAsync(
        string scope, string amountUsd, string window = "total", string mode = "strict", bool? clampOutput = null, HttpClient? by = null) =>
        Text(await PostAsync("/v1/budgets", new Dictionary<string, object?>
        {
            ["scope"] = scope,
            ["amount_usd"] = amountUsd,
            ["window"] = window,
            ["mode"] = mode,
            ["clamp_output"] = clampOutput,
        }, by), "id");

    public Task<JsonElement> ExplainBudgetAsync(string id) => GetAsync($"/v1/budgets/{id}/explain");

    public async Task<JsonElement> RevokeKeyAsync(string id, HttpClient? by = null)
    {
        using var answer = await (by ?? Master).DeleteAsync(new Uri($"/v1/api-keys/{id}", UriKind.Relative));
        return await DataAsync(answer);
    }

    public async Task<JsonElement> GetAsync(string path, HttpClient? by = null)
    {
        using var answer = await (by ?? Master).GetAsync(new Uri(path, UriKind.Relative));
        return await DataAsync(answer);
    }

    /// <summary>Posts the fields that have a value and returns <c>data</c> of the envelope.</summary>
    public async Task<JsonElement> PostAsync(string path, Dictionary<string, object?> body, HttpClient? by = null)
    {
        using var content = new ByteArrayContent(JsonSerializer.SerializeToUtf8Bytes(Present(body)));
        content.Headers.ContentType = new MediaTypeHeaderValue("application/json");
        using var answer = await (by ?? Master).PostAsync(new Uri(path, UriKind.Relative), content);
        return await DataAsync(answer);
    }

    /// <summary>Sends a change, nulls included, and returns <c>data</c> of the envelope.</summary>
    public async Task<JsonElement> PatchAsync(string path, object body, HttpClient? by = null)
    {
        using var content = new ByteArrayContent(JsonSerializer.SerializeToUtf8Bytes(body));
        content.Headers.ContentType = new MediaTypeHeaderValue("application/json");
        using var answer = await (by ?? Master).PatchAsync(new Uri(path, UriKind.Relative), content);
        return await DataAsync(answer);
    }

    private static Dictionary<string, object?> Present(Dictionary<string, object?> fields) =>
        fields.Where(field => field.Value is not null).ToDictionary();

    private static async Task<JsonElement> DataAsync(HttpResponseMessage answer)
    {
        var text = await answer.Content.ReadAsStringAsync();
        var call = $"{answer.RequestMessage!.Method} {answer.RequestMessage.RequestUri!.AbsolutePath}";
        if (!answer.IsSuccessStatusCode)
        {
            throw new CrewApiException(call, (int)answer.StatusCode, CodeOf(text), text);
        }

        using var document = JsonDocument.Parse(text);
        return document.RootElement.GetProperty("data").Clone();
    }

    private static string CodeOf(string body)
    {
        try
        {
            using var document = JsonDocument.Parse(body);
            return document.RootElement.GetProperty("error").GetProperty("code").GetString() ?? "";
        }
        catch (Exception unreadable) when (unreadable is JsonException or KeyNotFoundException or InvalidOperationException)
        {
            return "";
        }
    }

    private static string Text(JsonElement data, string field) => data.GetProperty(field).GetString()!;
}
