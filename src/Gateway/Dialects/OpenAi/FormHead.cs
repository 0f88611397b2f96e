using System.Text;

namespace Crew.Gateway.Dialects.OpenAi;

/// <summary>
/// The head of a part of a form, read so that no other reader can take it for another field's: whatever readers differ on (folded lines, a
/// parameter that stands twice, escapes, names in other character sets) makes it no head.
/// </summary>
/// <param name="Name">The field.</param>
/// <param name="IsFile">It has a file name.</param>
/// <param name="IsEncoded">Its value is in a transfer encoding, so its bytes are not the field's.</param>
internal sealed record FormHead(string Name, bool IsFile, bool IsEncoded)
{
    private const string Disposition = "Content-Disposition:";

    public static FormHead? Read(ReadOnlySpan<byte> head)
    {
        string? disposition = null;
        var isEncoded = false;
        foreach (var line in Encoding.Latin1.GetString(head).Split("\r\n"))
        {
            if (line.Length == 0 || line[0] is ' ' or '\t' || line.AsSpan().ContainsAny('\r', '\n', '\0'))
            {
                return null;
            }

            isEncoded |= line.StartsWith("Content-Transfer-Encoding", StringComparison.OrdinalIgnoreCase);
            if (line.StartsWith(Disposition, StringComparison.OrdinalIgnoreCase))
            {
                if (disposition is not null)
                {
                    return null;
                }

                disposition = line[Disposition.Length..].Trim();
            }
        }

        return disposition is null ? null : Parse(disposition, isEncoded);
    }

    private static FormHead? Parse(string text, bool isEncoded)
    {
        const string Kind = "form-data";
        if (!text.StartsWith(Kind, StringComparison.OrdinalIgnoreCase))
        {
            return null;
        }

        var parameters = new Dictionary<string, string>(StringComparer.OrdinalIgnoreCase);
        for (var rest = text.AsSpan(Kind.Length).TrimStart(); !rest.IsEmpty; rest = rest.TrimStart())
        {
            var equals = rest.IndexOf('=');
            if (rest[0] != ';' || equals < 0 || !parameters.TryAdd(rest[1..equals].Trim().ToString(), TakeValue(rest[(equals + 1)..], out rest)))
            {
                return null;
            }
        }

        return parameters.TryGetValue("name", out var name) && !parameters.ContainsKey("name*") && !name.Contains('\\', StringComparison.Ordinal)
            ? new FormHead(name, parameters.ContainsKey("filename") || parameters.ContainsKey("filename*"), isEncoded)
            : null;
    }

    private static string TakeValue(ReadOnlySpan<char> text, out ReadOnlySpan<char> rest)
    {
        text = text.TrimStart();
        var isQuoted = text is ['"', ..];
        var end = isQuoted ? text[1..].IndexOf('"') + 1 : text.IndexOf(';');
        var value = isQuoted ? text[1..Math.Max(end, 1)] : end < 0 ? text : text[..end];
        rest = isQuoted ? text[(end + 1)..] : end < 0 ? [] : text[end..];
        return value.TrimEnd().ToString();
    }
}
