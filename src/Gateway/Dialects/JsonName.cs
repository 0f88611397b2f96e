using System.Text.Json;

namespace Crew.Gateway.Dialects;

/// <summary>Compares names and words in what a provider sent, whatever it sent.</summary>
internal static class JsonName
{
    /// <summary>
    /// Whether the name or string that the reader stands on is this text. One with escapes is none of ours: nobody writes them so, and the
    /// reader's own comparison throws at half a surrogate pair, which is legal JSON.
    /// </summary>
    public static bool Is(this in Utf8JsonReader reader, ReadOnlySpan<byte> text) => !reader.ValueIsEscaped && reader.ValueTextEquals(text);
}
