using System.Globalization;
using System.Net.Http.Headers;

namespace Crew.Webhooks.Delivery;

/// <summary>When attempts are made. Pure: time and chance come in as arguments.</summary>
internal static class DeliverySchedule
{
    /// <summary>After the last of them a delivery has failed.</summary>
    public const int MostAttempts = 5;

    /// <summary>A failing endpoint is given up after so long.</summary>
    public static readonly TimeSpan GivesUpAfter = TimeSpan.FromDays(5);

    /// <summary>Between two probes of a failing endpoint.</summary>
    public static readonly TimeSpan ProbePause = TimeSpan.FromHours(1);

    /// <summary>The longest that a receiver may ask us to wait.</summary>
    public static readonly TimeSpan LongestRetryAfter = TimeSpan.FromHours(1);

    /// <summary>No moment that we set lies further ahead; one that does was set before the clock was put back, and is due.</summary>
    public static readonly TimeSpan FarAhead = TimeSpan.FromHours(2);

    private const double MostJitter = 0.1;

    private static readonly TimeSpan[] Pauses = [TimeSpan.FromSeconds(30), TimeSpan.FromMinutes(2), TimeSpan.FromMinutes(10), TimeSpan.FromHours(1)];

    /// <summary>When the next attempt is due after so many were made; null after the last.</summary>
    /// <param name="made">Attempts made, at least one.</param>
    /// <param name="ended">When the last one ended.</param>
    /// <param name="retryAfter">What the receiver asked for.</param>
    /// <param name="chance">0 to 1: spreads attempts that fell together.</param>
    public static DateTimeOffset? Next(long made, DateTimeOffset ended, TimeSpan? retryAfter, double chance)
    {
        if (made >= MostAttempts)
        {
            return null;
        }

        var pause = Pauses[Math.Max(made, 1) - 1] * (1 + (MostJitter * chance));
        return ended + (retryAfter > pause ? retryAfter.Value : pause);
    }

    public static DateTimeOffset NextProbe(DateTimeOffset now, double chance) => now + (ProbePause * (1 + (MostJitter * chance)));

    /// <summary>What a Retry-After header asks for (RFC 9110 section 10.2.3), within our bounds; null for none or nonsense.</summary>
    public static TimeSpan? RetryAfter(HttpResponseHeaders headers, DateTimeOffset now)
    {
        if (!headers.NonValidated.TryGetValues("Retry-After", out var values))
        {
            return null;
        }

        var text = values.ToString().Trim();
        TimeSpan? asked = text.Length > 0 && text.All(char.IsAsciiDigit)
            ? text.Length < 10 ? TimeSpan.FromSeconds(long.Parse(text, CultureInfo.InvariantCulture)) : LongestRetryAfter
            : RetryConditionHeaderValue.TryParse(text, out var parsed) && parsed.Date is { } date ? date - now : null;
        return asked is not { } wait || wait <= TimeSpan.Zero ? null : wait < LongestRetryAfter ? wait : LongestRetryAfter;
    }
}
