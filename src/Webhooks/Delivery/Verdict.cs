using System.Text;
using Crew.Kernel;
using Crew.Sealing.Egress;

namespace Crew.Webhooks.Delivery;

internal enum VerdictKind
{
    Delivered,

    /// <summary>Another attempt may succeed.</summary>
    Retry,

    /// <summary>Another attempt would be answered in the same way.</summary>
    Final,

    /// <summary>The endpoint wants no more events (410).</summary>
    Gone,
}

/// <summary>What an attempt came to.</summary>
/// <param name="Status">HTTP status; null where there was no answer.</param>
/// <param name="Error">A word for why it was no success.</param>
/// <param name="RetryAfter">How long the receiver asked us to wait.</param>
/// <param name="Text">At most 1 KB of the answer, where it is text.</param>
internal sealed record Verdict(VerdictKind Kind, int? Status, string? Error, TimeSpan? RetryAfter = null, string? Text = null)
{
    public const int MostTextBytes = 1_024;

    /// <summary>Whether no attempt follows by itself.</summary>
    public bool IsLast { get; init; }

    /// <summary>Whether something was sent, or tried to be.</summary>
    public bool WasSent => Status is not null || Kind == VerdictKind.Retry;

    private static readonly UTF8Encoding Strict = new(false, throwOnInvalidBytes: true);

    /// <summary>The creator may not read what this event is about.</summary>
    public static readonly Verdict NotPermitted = new(VerdictKind.Final, null, "not_permitted");

    /// <summary>The key that sealed the event is gone.</summary>
    public static readonly Verdict Unreadable = new(VerdictKind.Final, null, "event_unreadable");

    public static Verdict Of(Outcome<EgressResponse> outcome, DateTimeOffset now)
    {
        if (outcome.Failed(out var fault))
        {
            return new Verdict(VerdictKind.Retry, null, fault.Code);
        }

        var answer = outcome.Value;
        var text = TextOf(answer.Body.Span);
        var retryAfter = answer.Status is 429 or 503 ? DeliverySchedule.RetryAfter(answer.Headers, now) : null;
        return answer.Status switch
        {
            >= 200 and < 300 => new Verdict(VerdictKind.Delivered, answer.Status, null, null, text),
            410 => new Verdict(VerdictKind.Gone, answer.Status, "gone", null, text),
            408 or 429 or >= 500 => new Verdict(VerdictKind.Retry, answer.Status, "http_status", retryAfter, text),
            >= 300 and < 400 => new Verdict(VerdictKind.Final, answer.Status, "redirect", null, text),
            _ => new Verdict(VerdictKind.Final, answer.Status, "http_status", null, text),
        };
    }

    /// <summary>What is no text (compressed, binary) is not shown; a letter that the limit cut in two is left out.</summary>
    private static string? TextOf(ReadOnlySpan<byte> body)
    {
        body = body[..Math.Min(body.Length, MostTextBytes)];
        for (var cut = 0; cut < 4 && cut <= body.Length; cut++)
        {
            try
            {
                var text = Strict.GetString(body[..^cut]);
                return text.Length == 0 || text.Any(c => char.IsControl(c) && c is not ('\n' or '\r' or '\t')) ? null : text;
            }
            catch (DecoderFallbackException)
            {
                // Perhaps only the last letter is broken.
            }
        }

        return null;
    }
}
