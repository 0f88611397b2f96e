using System.Globalization;
using System.Text;

namespace Crew.Mail;

/// <summary>One mail of plain text to one person.</summary>
/// <param name="To">An address without name, checked by whoever took it in.</param>
/// <param name="Subject">One line.</param>
/// <param name="Text">Lines end in LF.</param>
public sealed record Letter(string To, string Subject, string Text)
{
    private const int LineCharacters = 76;
    private const int WordBytes = 39;

    /// <summary>
    /// The message as it goes over the wire (RFC 5322, MIME by RFC 2045 to 2047), CRLF at every line. The text is base64, so that no line of it
    /// can end the message or be taken for a header.
    /// </summary>
    internal string Compose(string from, string messageId, DateTimeOffset at)
    {
        if (HasBreak(To) || HasBreak(from) || HasBreak(Subject))
        {
            throw new ArgumentException("A line break in a header would make another header.");
        }

        var body = Convert.ToBase64String(Encoding.UTF8.GetBytes(Text.ReplaceLineEndings("\r\n")));
        var lines = body.Chunk(LineCharacters).Select(line => new string(line));
        return string.Join("\r\n",
        [
            $"From: Crew <{from}>",
            $"To: <{To}>",
            $"Subject: {Encoded(Subject)}",
            $"Date: {at.ToString("ddd, dd MMM yyyy HH:mm:ss", CultureInfo.InvariantCulture)} +0000",
            $"Message-ID: <{messageId}>",
            "MIME-Version: 1.0",
            "Content-Type: text/plain; charset=utf-8",
            "Content-Transfer-Encoding: base64",
            "Auto-Submitted: auto-generated",
            "",
            .. lines,
            "",
        ]);
    }

    /// <summary>Words of RFC 2047 where a subject is more than ASCII: whole characters each, and no line beyond 76 columns.</summary>
    private static string Encoded(string subject)
    {
        if (subject.All(c => c is >= ' ' and <= '~'))
        {
            return subject;
        }

        var words = new List<string>();
        var word = new StringBuilder();
        foreach (var rune in subject.EnumerateRunes())
        {
            if (Encoding.UTF8.GetByteCount(word.ToString()) + rune.Utf8SequenceLength > WordBytes)
            {
                words.Add(word.ToString());
                word.Clear();
            }

            word.Append(rune.ToString());
        }

        return string.Join("\r\n ", words.Append(word.ToString()).Select(w => $"=?utf-8?B?{Convert.ToBase64String(Encoding.UTF8.GetBytes(w))}?="));
    }

    private static bool HasBreak(string text) => text.AsSpan().ContainsAny('\r', '\n');
}
