using System.Globalization;
using System.Net.Http.Headers;
using Microsoft.AspNetCore.Http;

namespace Crew.Gateway.Routing;

/// <summary>How long a provider asks to be left alone: <c>retry-after-ms</c> (OpenAI), or Retry-After as seconds or date (RFC 9110 section 10.2.3).</summary>
internal static class RetryAfter
{
    private const double MostSeconds = 86_400;

    /// <summary>What a client is asked to wait at the most: some clients would sleep for days where a provider says so.</summary>
    public const int MostClientSeconds = 3_600;

    private const string Milliseconds = "retry-after-ms";

    /// <summary>Null when it did not say, or said what makes no sense.</summary>
    public static TimeSpan? Of(HttpResponseHeaders headers, DateTimeOffset now)
    {
        if (headers.TryGetValues(Milliseconds, out var exact)
            && double.TryParse(exact.First(), NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var milliseconds))
        {
            return TimeSpan.FromSeconds(Math.Min(milliseconds / 1_000, MostSeconds));
        }

        if (!headers.TryGetValues("Retry-After", out var given))
        {
            return null;
        }

        return Read(given.First(), now);
    }

    /// <summary>Keeps what a provider asks of clients within reason: too long a wait is shortened, and what makes no sense is left out.</summary>
    public static void Bound(IHeaderDictionary headers, DateTimeOffset now)
    {
        if (headers.TryGetValue("Retry-After", out var given))
        {
            var wait = Read(given.ToString(), now);
            if (wait is null)
            {
                headers.Remove("Retry-After");
            }
            else if (wait.Value.TotalSeconds > MostClientSeconds)
            {
                headers.RetryAfter = MostClientSeconds.ToString(CultureInfo.InvariantCulture);
            }
        }

        if (headers.TryGetValue(Milliseconds, out var exact)
            && !(double.TryParse(exact.ToString(), NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var milliseconds)
                && milliseconds <= MostClientSeconds * 1_000.0))
        {
            headers.Remove(Milliseconds);
        }
    }

    private static TimeSpan? Read(string given, DateTimeOffset now)
    {
        var text = given.Trim();
        if (double.TryParse(text, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var seconds))
        {
            return TimeSpan.FromSeconds(Math.Min(seconds, MostSeconds));
        }

        return DateTimeOffset.TryParse(text, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var at)
            ? TimeSpan.FromSeconds(Math.Clamp((at - now).TotalSeconds, 0, MostSeconds)) : null;
    }
}
