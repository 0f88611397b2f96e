namespace Crew.Gateway.Calls;

/// <summary>
/// Whether a provider refuses the wish for usage that is added to a stream. Some compatible servers take no <c>stream_options</c>; their
/// streams are then metered by what was delivered, and under a strict budget at all that was held.
/// </summary>
internal static class UsageRefusal
{
    public static bool IsIn(ReadOnlySpan<byte> error, int status) =>
        status is 400 or 422 && (error.IndexOf("stream_options"u8) >= 0 || error.IndexOf("include_usage"u8) >= 0);
}
