using System.Text;

namespace Crew.Sealing;

/// <summary>
/// Makes any text storable: PostgreSQL refuses U+0000, and half of a surrogate pair has no UTF-8. A record must never be lost over
/// a letter, so both become U+FFFD, and what is too long is cut.
/// </summary>
public static class CleanText
{
    public const int NameCharacters = 256;

    public static string? Of(string? text, int maximum = NameCharacters)
    {
        if (text is null)
        {
            return null;
        }

        if (text.Length > maximum)
        {
            text = text[..maximum];
        }

        return text.AsSpan().IndexOfAnyInRange('\uD800', '\uDFFF') < 0 && !text.Contains('\0', StringComparison.Ordinal) ? text : Mend(text);
    }

    private static string Mend(string text)
    {
        var mended = new StringBuilder(text.Length);
        foreach (var rune in text.EnumerateRunes())
        {
            mended.Append(rune.Value == 0 ? Rune.ReplacementChar : rune);
        }

        return mended.ToString();
    }
}
