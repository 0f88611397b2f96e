using System.Globalization;
using System.Net.Http.Headers;

namespace Crew.Gateway.Routing;

/// <summary>How long a provider asks to be left alone: <c>retry-after-ms</c> (OpenAI), or Retry-After as seconds or date (RFC 9110 section 10.2.3).</summary>
internal static class RetryAfter
{
    private const double MostSeconds = 86_400;

    /// <summary>Null when it did not say, or said what makes no sense.</summary>
    public static TimeSpan? Of(HttpResponseHeaders headers, DateTimeOffset now)
    {
        if (headers.TryGetValues("retry-after-ms", out var exact)
            && double.TryParse(exact.First(), NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var milliseconds))
        {
            return TimeSpan.FromSeconds(Math.Min(milliseconds / 1_000, MostSeconds));
        }

        if (!headers.TryGetValues("Retry-After", out var given))
        {
            return null;
        }

        var text = given.First().Trim();
        if (double.TryParse(text, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var seconds))
        {
            return TimeSpan.FromSeconds(Math.Min(seconds, MostSeconds));
        }

        return DateTimeOffset.TryParse(text, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var at)
            ? TimeSpan.FromSeconds(Math.Clamp((at - now).TotalSeconds, 0, MostSeconds)) : null;
    }
}
