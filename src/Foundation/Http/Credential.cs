using Crew.Kernel;
using Microsoft.AspNetCore.Http;

namespace Crew.Http;

/// <summary>Finds the one credential of a request, or says why there is not exactly one.</summary>
internal static class Credential
{
    private static readonly string[] UrlNames = ["key", "api_key", "access_token"];
    private static readonly string[] KeyHeaders = ["x-api-key", "api-key"];

    public static Fault? Find(HttpRequest request, out string? text)
    {
        text = null;
        if (request.QueryString.HasValue && request.QueryString.Value!.Length > 1 && UrlNames.Any(name => request.Query.ContainsKey(name)))
        {
            return HttpFaults.KeyInUrl;
        }

        foreach (var value in request.Headers.Authorization)
        {
            if (value is not null && !Add(value.StartsWith("Bearer ", StringComparison.OrdinalIgnoreCase) ? value["Bearer ".Length..].Trim() : value, ref text))
            {
                return HttpFaults.AmbiguousCredentials;
            }
        }

        foreach (var header in KeyHeaders)
        {
            foreach (var value in request.Headers[header])
            {
                // Some clients send the same key in two headers; that is one credential.
                if (value is not null && !Add(value.Trim(), ref text))
                {
                    return HttpFaults.AmbiguousCredentials;
                }
            }
        }

        // Authorization given twice is refused even with equal values: one of the two was put there by someone else.
        return request.Headers.Authorization.Count > 1 ? HttpFaults.AmbiguousCredentials : null;
    }

    /// <summary>What stands in the query string where a key would; no more than a few, however long the query is.</summary>
    public static IEnumerable<string> InUrl(HttpRequest request) =>
        UrlNames.SelectMany(name => request.Query[name]).OfType<string>().Distinct(StringComparer.Ordinal).Take(UrlNames.Length);

    private static bool Add(string value, ref string? text)
    {
        if (text is not null && text != value)
        {
            return false;
        }

        text = value;
        return true;
    }
}
