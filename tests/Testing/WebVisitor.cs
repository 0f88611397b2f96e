using System.Net;

namespace Crew.Testing;

/// <summary>A browser without a screen: keeps cookies, follows nothing by itself, and says on a form where it comes from, as browsers do.</summary>
public sealed class WebVisitor : IDisposable
{
    private readonly HttpClient _http;

    public WebVisitor(Uri server, string? address = null)
    {
        _http = new HttpClient(new SocketsHttpHandler { UseProxy = false, CookieContainer = Cookies, AllowAutoRedirect = false }) { BaseAddress = server };
        if (address is not null)
        {
            _http.DefaultRequestHeaders.TryAddWithoutValidation("X-Forwarded-For", address);
        }
    }

    public CookieContainer Cookies { get; } = new();

    /// <summary>The cookie of the session, or null.</summary>
    public string? Session => Cookies.GetAllCookies().FirstOrDefault(c => c.Name.EndsWith("crew_session", StringComparison.Ordinal))?.Value;

    public async Task<WebPage> GetAsync(string path, params (string Name, string Value)[] headers) => await SendAsync(HttpMethod.Get, path, null, headers);

    /// <summary>Sends a form as a page of the server would.</summary>
    public Task<WebPage> SubmitAsync(string path, params (string Name, string Value)[] fields) =>
        PostAsync(path, fields, ("Sec-Fetch-Site", "same-origin"));

    public Task<WebPage> PostAsync(string path, (string Name, string Value)[] fields, params (string Name, string Value)[] headers) =>
        SendAsync(HttpMethod.Post, path, new FormUrlEncodedContent(fields.Select(f => KeyValuePair.Create(f.Name, f.Value))), headers);

    public async Task<WebPage> SendAsync(HttpMethod method, string path, HttpContent? content, params (string Name, string Value)[] headers)
    {
        using var request = new HttpRequestMessage(method, path) { Content = content };
        foreach (var (name, value) in headers)
        {
            request.Headers.TryAddWithoutValidation(name, value);
        }

        using var response = await _http.SendAsync(request);
        return new WebPage((int)response.StatusCode, await response.Content.ReadAsStringAsync(), response.Headers.Location?.ToString(),
            response.Headers.Concat(response.Content.Headers).ToDictionary(h => h.Key, h => string.Join(", ", h.Value), StringComparer.OrdinalIgnoreCase));
    }

    public void Dispose() => _http.Dispose();
}

/// <summary>What came back.</summary>
public sealed record WebPage(int Status, string Text, string? Location, IReadOnlyDictionary<string, string> Headers);
