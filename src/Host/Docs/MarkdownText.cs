using System.Net;
using System.Text;
using System.Text.RegularExpressions;

namespace Crew.Host.Docs;

/// <summary>
/// The part of Markdown that our own pages use, as HTML: headings, paragraphs, lists, tables, code, emphasis and links. Everything
/// else is text, and all text is escaped, so a page can never bring markup of its own.
/// </summary>
internal static partial class MarkdownText
{
    /// <param name="markdown">The page, lines ended by LF.</param>
    /// <param name="link">Where a relative link leads on this server; null shows its text alone.</param>
    public static string ToHtml(string markdown, Func<string, string?> link)
    {
        var html = new StringBuilder();
        var lines = markdown.Split('\n');
        for (var at = 0; at < lines.Length;)
        {
            at = lines[at] switch
            {
                "" => at + 1,
                var line when line.StartsWith("```", StringComparison.Ordinal) => Code(lines, at, html),
                var line when HeadingLine().IsMatch(line) => Heading(lines, at, html, link),
                var line when line.StartsWith('|') => Table(lines, at, html, link),
                var line when ItemLine().IsMatch(line) => List(lines, at, html, link),
                _ => Paragraph(lines, at, html, link),
            };
        }

        return html.ToString();
    }

    /// <summary>One line: code, bold, emphasis and links.</summary>
    public static string Inline(string text, Func<string, string?> link)
    {
        var html = new StringBuilder();
        var last = 0;
        foreach (Match span in Spans().Matches(text))
        {
            html.Append(WebUtility.HtmlEncode(text[last..span.Index]));
            html.Append(Span(span, link));
            last = span.Index + span.Length;
        }

        return html.Append(WebUtility.HtmlEncode(text[last..])).ToString();
    }

    private static string Span(Match span, Func<string, string?> link)
    {
        if (span.Groups["code"].Success)
        {
            return $"<code>{WebUtility.HtmlEncode(span.Groups["code"].Value)}</code>";
        }

        if (span.Groups["bold"].Success)
        {
            return $"<strong>{Inline(span.Groups["bold"].Value, link)}</strong>";
        }

        if (span.Groups["soft"].Success)
        {
            return $"<em>{Inline(span.Groups["soft"].Value, link)}</em>";
        }

        var inner = Inline(span.Groups["text"].Value, link);
        var target = span.Groups["target"].Value;
        var place = target.StartsWith("https://", StringComparison.Ordinal) || target.StartsWith('/') || target.StartsWith('#') ? target : link(target);
        return place is null ? inner : $"<a href=\"{WebUtility.HtmlEncode(place)}\">{inner}</a>";
    }

    private static int Code(string[] lines, int at, StringBuilder html)
    {
        var end = Array.FindIndex(lines, at + 1, l => l.StartsWith("```", StringComparison.Ordinal));
        end = end < 0 ? lines.Length : end;
        html.Append("<pre tabindex=\"0\"><code>").Append(WebUtility.HtmlEncode(string.Join('\n', lines[(at + 1)..end]))).Append("</code></pre>\n");
        return end + 1;
    }

    private static int Heading(string[] lines, int at, StringBuilder html, Func<string, string?> link)
    {
        var heading = HeadingLine().Match(lines[at]);
        var (level, text) = (heading.Groups[1].Length, heading.Groups[2].Value);
        html.Append($"<h{level}>{Inline(text, link)}</h{level}>\n");
        return at + 1;
    }

    private static int Table(string[] lines, int at, StringBuilder html, Func<string, string?> link)
    {
        string Cell(string text, string tag) => $"<{tag}>{Inline(text, link)}</{tag.Split(' ')[0]}>";
        string Row(string line, string tag) => $"<tr>{string.Concat(Cells(line).Select(text => Cell(text, tag)))}</tr>\n";
        html.Append("<div class=\"scroll\" tabindex=\"0\"><table><thead>").Append(Row(lines[at], "th scope=\"col\"")).Append("</thead><tbody>\n");
        for (at += 2; at < lines.Length && lines[at].StartsWith('|'); at++)
        {
            html.Append(Row(lines[at], "td"));
        }

        html.Append("</tbody></table></div>\n");
        return at;
    }

    private static IEnumerable<string> Cells(string line) => line.Trim().Trim('|').Split('|').Select(c => c.Trim());

    private static int List(string[] lines, int at, StringBuilder html, Func<string, string?> link)
    {
        var tag = char.IsDigit(lines[at][0]) ? "ol" : "ul";
        html.Append($"<{tag}>\n");
        while (at < lines.Length && ItemLine().Match(lines[at]) is { Success: true } item)
        {
            var text = new StringBuilder(item.Groups[1].Value);
            for (at++; at < lines.Length && lines[at].StartsWith("  ", StringComparison.Ordinal); at++)
            {
                text.Append(' ').Append(lines[at].Trim());
            }

            html.Append($"<li>{Inline(text.ToString(), link)}</li>\n");
        }

        html.Append($"</{tag}>\n");
        return at;
    }

    private static int Paragraph(string[] lines, int at, StringBuilder html, Func<string, string?> link)
    {
        var end = at + 1;
        while (end < lines.Length && lines[end].Length > 0 && !lines[end].StartsWith("```", StringComparison.Ordinal) && !HeadingLine().IsMatch(lines[end])
            && !lines[end].StartsWith('|') && !ItemLine().IsMatch(lines[end]))
        {
            end++;
        }

        html.Append($"<p>{Inline(string.Join(' ', lines[at..end].Select(l => l.Trim())), link)}</p>\n");
        return end;
    }

    [GeneratedRegex("^(#{1,4}) (.+)$")]
    private static partial Regex HeadingLine();

    [GeneratedRegex(@"^(?:-|\d+\.) (.+)$")]
    private static partial Regex ItemLine();

    [GeneratedRegex(@"`(?<code>[^`]+)`|\*\*(?<bold>[^*]+)\*\*|\*(?<soft>[^*]+)\*|\[(?<text>[^\]]+)\]\((?<target>[^)\s]+)\)", RegexOptions.ExplicitCapture)]
    private static partial Regex Spans();
}
