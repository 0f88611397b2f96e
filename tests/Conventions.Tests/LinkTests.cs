using System.Text.RegularExpressions;

namespace Crew.Conventions.Tests;

/// <summary>Pages point at each other; a page that moves takes its links along.</summary>
internal static partial class Links
{
    public static IEnumerable<Offender> Broken(string path, string text, IReadOnlyCollection<string> paths) =>
        from line in text.Split('\n').Index()
        from Match link in Target().Matches(line.Item)
        let target = Resolve(path, link.Groups[1].Value)
        where !paths.Any(other => other == target || other.StartsWith(target + "/", StringComparison.Ordinal))
        select new Offender(path, line.Index + 1, $"'{link.Groups[1].Value}' leads nowhere");

    private static string Resolve(string path, string link)
    {
        var parts = new Stack<string>(path.Split('/')[..^1]);
        foreach (var part in link.TrimEnd('/').Split('/').Where(part => part != "."))
        {
            if (part != "..")
            {
                parts.Push(part);
            }
            else if (!parts.TryPop(out _))
            {
                return "outside of the repository";
            }
        }

        return string.Join('/', parts.Reverse());
    }

    [GeneratedRegex(@"\]\((?![a-z]+:|#)([^)#\s]+)[^)]*\)")]
    private static partial Regex Target();
}

public sealed class LinkTests
{
    [Fact]
    public void Links_between_pages_lead_somewhere() => Offenders.ShouldBeNone("links", Repository.Paths
        .Where(path => path.EndsWith(".md", StringComparison.Ordinal))
        .SelectMany(path => Links.Broken(path, Repository.Read(path), Repository.Paths)));

    [Theory]
    [InlineData("[a](../errors/not_found.md#mend)", false)]
    [InlineData("[a](../errors)", false)]
    [InlineData("[a](https://example.org/x)", false)]
    [InlineData("[a](not_found.md)", true)]
    [InlineData("[a](../../../README.md)", true)]
    public void A_broken_link_is_found(string text, bool found) =>
        Links.Broken("docs/guides/a.md", text, ["docs/errors/not_found.md"]).Any().ShouldBe(found);
}
