using System.Buffers;

namespace Crew.Gateway.Forwarding;

/// <summary>Which values may cross the gateway as a header.</summary>
internal static class HeaderValue
{
    private static readonly SearchValues<char> Visible =
        SearchValues.Create(['\t', .. Enumerable.Range(' ', '~' - ' ' + 1).Select(c => (char)c)]);

    /// <summary>Whether a value can be written as a header on either side: visible ASCII, spaces and tabs.</summary>
    public static bool IsSafe(ReadOnlySpan<char> value) => !value.ContainsAnyExcept(Visible);
}
