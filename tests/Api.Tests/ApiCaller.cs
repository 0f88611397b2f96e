using System.Net;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;

namespace Crew.Api.Tests;

/// <summary>A client of the API with one key and one address.</summary>
public sealed class ApiCaller(HttpClient http, Uri server, string? key, string address, Evidence evidence)
{
    public string Address => address;

    public Task<ApiAnswer> GetAsync(string path, params (string Name, string Value)[] headers) => SendAsync("GET", path, null, headers);

    public Task<ApiAnswer> PostAsync(string path, object? body = null, params (string Name, string Value)[] headers) =>
        SendAsync("POST", path, body ?? new { }, headers);

    public Task<ApiAnswer> PatchAsync(string path, object body, params (string Name, string Value)[] headers) => SendAsync("PATCH", path, body, headers);

    public Task<ApiAnswer> DeleteAsync(string path, params (string Name, string Value)[] headers) => SendAsync("DELETE", path, null, headers);

    /// <summary>A body that is text goes as it is, anything else as JSON.</summary>
    public async Task<ApiAnswer> SendAsync(string method, string path, object? body = null, params (string Name, string Value)[] headers)
    {
        using var request = new HttpRequestMessage(new HttpMethod(method), new Uri(server, path));
        request.Headers.TryAddWithoutValidation("X-Forwarded-For", address);
        if (key is not null)
        {
            request.Headers.TryAddWithoutValidation("Authorization", $"Bearer {key}");
        }

        if (body is not null)
        {
            var bytes = body switch
            {
                byte[] raw => raw,
                string text => Encoding.UTF8.GetBytes(text),
                _ => JsonSerializer.SerializeToUtf8Bytes(body),
            };
            request.Content = new ByteArrayContent(bytes);
            request.Content.Headers.ContentType = new MediaTypeHeaderValue("application/json");
        }

        foreach (var (name, value) in headers)
        {
            if (name == "Content-Type")
            {
                request.Content!.Headers.Remove(name);
                request.Content.Headers.TryAddWithoutValidation(name, value);
            }
            else
            {
                request.Headers.Remove(name);
                request.Headers.TryAddWithoutValidation(name, value);
            }
        }

        using var response = await http.SendAsync(request, TestContext.Current.CancellationToken);
        var call = new ApiCall(method, path, key is not null);
        return new ApiAnswer(call, evidence, response.StatusCode, response.Headers, response.Content.Headers, await response.Content.ReadAsStringAsync());
    }
}

/// <summary>An answer, read whole.</summary>
public sealed class ApiAnswer(ApiCall call, Evidence evidence, HttpStatusCode status, HttpResponseHeaders headers, HttpContentHeaders contentHeaders, string body)
{
    private readonly Lazy<JsonElement> _json = new(() => JsonDocument.Parse(body).RootElement);

    public int Status => (int)status;

    public string Body => body;

    public JsonElement Json => _json.Value;

    public JsonElement Data => Json.GetProperty("data");

    public JsonElement Error => Json.GetProperty("error");

    /// <summary>The code of a refusal in either dialect; empty when the body is none.</summary>
    public string Code => body.StartsWith('{')
        && contentHeaders.ContentType?.MediaType is null or "application/json" && Json.TryGetProperty("error", out var error) && error.ValueKind == JsonValueKind.Object
        && error.TryGetProperty("code", out var code) ? code.GetString() ?? "" : "";

    public string Text(string field) => Data.GetProperty(field).GetString()!;

    public string? Header(string name) =>
        headers.TryGetValues(name, out var values) || contentHeaders.TryGetValues(name, out values) ? string.Join(", ", values) : null;

    public int Number(string header) => int.Parse(Header(header)!);

    /// <summary>Whether the answer is the expected one; that it is counts as shown by the running test.</summary>
    public bool Is(int expected, string? code = null)
    {
        if (Status != expected || (code is not null && Code != code))
        {
            return false;
        }

        evidence.Note(call, expected, Code);
        return true;
    }

    public ApiAnswer ShouldBe(int expected, string? code = null)
    {
        if (!Is(expected, code))
        {
            throw new ShouldAssertException($"{call} should answer {expected} {code} but answered {Status}: {body}");
        }

        return this;
    }

    public override string ToString() => $"{call}: {Status} {Code}";
}
