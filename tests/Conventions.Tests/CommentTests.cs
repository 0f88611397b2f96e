using System.Text.RegularExpressions;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;

namespace Crew.Conventions.Tests;

/// <summary>Comments say why. They do not fold code away, keep dead code, or promise work: that is what issues are for.</summary>
internal static partial class Comments
{
    public static readonly HouseRule Rule = new("comment", files => files.SelectMany(Find));

    /// <summary>Promises of later work, in any text of the repository.</summary>
    public static IEnumerable<Offender> Promises(string path, string text) =>
        from line in text.Split('\n').Index()
        let promise = Promise().Match(line.Item)
        where promise.Success
        select new Offender(path, line.Index + 1, $"'{promise.Value}': do it now or open an issue");

    private static IEnumerable<Offender> Find(SourceFile file)
    {
        foreach (var trivia in file.Syntax.DescendantTrivia(descendIntoTrivia: true))
        {
            if (trivia.IsKind(SyntaxKind.RegionDirectiveTrivia))
            {
                yield return file.Accuse(file.LineAt(trivia.SpanStart), "a region hides code; split the file instead");
            }
            else if (trivia.IsKind(SyntaxKind.SingleLineCommentTrivia) || trivia.IsKind(SyntaxKind.MultiLineCommentTrivia))
            {
                foreach (var line in trivia.ToString().Split('\n').Index().Where(line => IsCode(line.Item)))
                {
                    yield return file.Accuse(file.LineAt(trivia.SpanStart) + line.Index, $"code in a comment: {line.Item.Trim()}");
                }
            }
        }
    }

    /// <summary>Whether a line of a comment parses as a statement and looks like one, too: prose may end in a semicolon.</summary>
    private static bool IsCode(string line)
    {
        var text = line.Trim().Trim('/', '*').Trim();
        if (text is "{" or "}" or "};" or "return;" or "break;" or "continue;")
        {
            return true;
        }

        if (text.EndsWith('{') && BlockHead().IsMatch(text))
        {
            return true;
        }

        var statement = text.EndsWith(';') && text.AsSpan().ContainsAny("=(<[.") ? SyntaxFactory.ParseStatement(text) : null;
        return statement is { ContainsDiagnostics: false } && statement.FullSpan.Length == text.Length;
    }

    [GeneratedRegex(@"\b(TOD[O]|FIXM[E]|HAC[K]|XX[X])\b")]
    private static partial Regex Promise();

    [GeneratedRegex(@"^(if|else|for|foreach|while|switch|try|using|lock|do)\b|^(public|private|internal|protected|static)\b|\)\s*\{$")]
    private static partial Regex BlockHead();
}

public sealed class CommentTests
{
    private static readonly string[] Written = [".lock.json", "package-lock.json", ".png", ".ico", ".woff2"];

    [Fact]
    public void No_regions_and_no_code_in_comments() => Comments.Rule.ShouldHold();

    [Fact]
    public void Nothing_is_promised_for_later() => Offenders.ShouldBeNone("promises", Repository.Paths
        .Where(path => !Written.Any(ending => path.EndsWith(ending, StringComparison.Ordinal)))
        .SelectMany(path => Comments.Promises(path, Repository.Read(path))));

    [Fact]
    public void A_region_is_found() =>
        Comments.Rule.Judge("src/Keys/A.cs", "class A\n{\n    #region Fields\n    #endregion\n}\n")
            .ShouldName("src/Keys/A.cs:3: a region hides code; split the file instead");

    [Theory]
    [InlineData("// var key = Find(id);", true)]
    [InlineData("// if (key is null) {", true)]
    [InlineData("// return key.Hash;", true)]
    [InlineData("/* keys.Clear(); */", true)]
    [InlineData("// The old secret still works (for an hour);", false)]
    [InlineData("// A record costs one flush; nothing acknowledged is unrecorded.", false)]
    [InlineData("// RFC 8785, section 3.2.2.3: numbers as ECMAScript prints them.", false)]
    [InlineData("// see:", false)]
    public void Code_in_a_comment_is_found(string comment, bool found) =>
        Comments.Rule.Judge("src/Keys/A.cs", $"class A\n{{\n    {comment}\n    int x;\n}}\n").Any().ShouldBe(found);

    [Theory]
    [InlineData("TO", "DO", true)]
    [InlineData("FIX", "ME", true)]
    [InlineData("HA", "CK", true)]
    [InlineData("HA", "CKATHON", false)]
    public void A_promise_is_found(string start, string end, bool found) =>
        Comments.Promises("docs/guides/a.md", $"First line\nand {start}{end}: the rest").Any().ShouldBe(found);
}
