using System.Text;

namespace Crew.Gateway.Sandbox;

/// <summary>
/// The sandbox's own tokenizer: a token is at most four UTF-8 bytes of whole characters, and a new one begins before each white
/// space. So a text never has more tokens than bytes, and the same text always has the same number.
/// </summary>
internal static class SandboxTokens
{
    private const int MaxTokenBytes = 4;

    public static int Count(string text)
    {
        var (tokens, at) = (0, 0);
        while (at < text.Length)
        {
            at += Next(text.AsSpan(at));
            tokens++;
        }

        return tokens;
    }

    public static List<string> Split(string text)
    {
        var tokens = new List<string>((text.Length / MaxTokenBytes) + 1);
        for (var at = 0; at < text.Length;)
        {
            var length = Next(text.AsSpan(at));
            tokens.Add(text.Substring(at, length));
            at += length;
        }

        return tokens;
    }

    private static int Next(ReadOnlySpan<char> text)
    {
        var (characters, bytes) = (0, 0);
        foreach (var rune in text.EnumerateRunes())
        {
            if (characters > 0 && (bytes + rune.Utf8SequenceLength > MaxTokenBytes || Rune.IsWhiteSpace(rune)))
            {
                break;
            }

            bytes += rune.Utf8SequenceLength;
            characters += rune.Utf16SequenceLength;
        }

        return characters;
    }
}
