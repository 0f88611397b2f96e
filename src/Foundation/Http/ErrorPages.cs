using System.Globalization;
using System.Text.RegularExpressions;

namespace Crew.Http;

/// <summary>The page of a fault code: its status, its meaning in one line, and the page itself as Markdown.</summary>
public sealed record ErrorPage(string Code, int Status, string Meaning, string Markdown);

/// <summary>The pages of <c>docs/errors</c>, carried inside the program so that every refusal can be looked up on the server that gave it.</summary>
public static partial class ErrorPages
{
    private const string Resources = "Crew.Http.Errors.";
    private const string Index = "README";

    /// <summary>All pages by code, in alphabetical order.</summary>
    public static IReadOnlyDictionary<string, ErrorPage> All { get; } = Load();

    private static SortedDictionary<string, ErrorPage> Load()
    {
        var texts = typeof(ErrorPages).Assembly.GetManifestResourceNames()
            .Where(name => name.StartsWith(Resources, StringComparison.Ordinal))
            .ToDictionary(name => name[Resources.Length..^".md".Length], Read);
        var pages = new SortedDictionary<string, ErrorPage>(StringComparer.Ordinal);
        foreach (var row in IndexRow().Matches(texts[Index]).Select(match => match.Groups))
        {
            var code = row["code"].Value;
            pages.Add(code, new ErrorPage(code, int.Parse(row["status"].ValueSpan, CultureInfo.InvariantCulture), row["meaning"].Value, texts[code]));
        }

        return pages;
    }

    private static string Read(string resource)
    {
        using var reader = new StreamReader(typeof(ErrorPages).Assembly.GetManifestResourceStream(resource)!);
        return reader.ReadToEnd().ReplaceLineEndings("\n");
    }

    [GeneratedRegex(@"^\| \[`(?<code>[a-z0-9_]+)`\]\([^)]*\) \| (?<status>\d+) \| (?<meaning>.*?) \|$", RegexOptions.Multiline | RegexOptions.ExplicitCapture)]
    private static partial Regex IndexRow();
}
