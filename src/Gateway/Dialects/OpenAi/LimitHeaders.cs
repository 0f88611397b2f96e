using System.Globalization;
using Microsoft.AspNetCore.Http;

namespace Crew.Gateway.Dialects.OpenAi;

/// <summary>The limits in the words of the OpenAI dialect, beside our own headers that the way in has set.</summary>
internal static class LimitHeaders
{
    public static void Write(IHeaderDictionary headers, DateTimeOffset now)
    {
        headers["x-ratelimit-limit-requests"] = headers["X-RateLimit-Limit"];
        headers["x-ratelimit-remaining-requests"] = headers["X-RateLimit-Remaining"];
        if (long.TryParse(headers["X-RateLimit-Reset"].ToString(), NumberStyles.None, CultureInfo.InvariantCulture, out var reset))
        {
            headers["x-ratelimit-reset-requests"] = Duration(Math.Max(0, (reset * 1_000) - now.ToUnixTimeMilliseconds()));
        }
    }

    public static void WriteTokens(IHeaderDictionary headers, int limit, long remaining, DateTimeOffset now)
    {
        const int minute = 60_000;
        headers["x-ratelimit-limit-tokens"] = limit.ToString(CultureInfo.InvariantCulture);
        headers["x-ratelimit-remaining-tokens"] = remaining.ToString(CultureInfo.InvariantCulture);
        headers["x-ratelimit-reset-tokens"] = Duration(minute - (now.ToUnixTimeMilliseconds() % minute));
    }

    /// <summary>A duration as Go writes it, such as <c>59.8s</c> and <c>1m0s</c>: clients of the dialect parse that form.</summary>
    public static string Duration(long milliseconds)
    {
        if (milliseconds < 1_000)
        {
            return string.Create(CultureInfo.InvariantCulture, $"{milliseconds}ms");
        }

        var (minutes, rest) = Math.DivRem(milliseconds, 60_000);
        return minutes > 0
            ? string.Create(CultureInfo.InvariantCulture, $"{minutes}m{rest / 1_000m:0.###}s")
            : string.Create(CultureInfo.InvariantCulture, $"{rest / 1_000m:0.###}s");
    }
}
