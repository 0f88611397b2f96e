using System.Text.RegularExpressions;

namespace Crew.Conventions.Tests;

/// <summary>docs/security/asvs.md names each requirement of its chapters once, says whether it holds, and names tests that exist.</summary>
public sealed partial class AsvsLedgerTests
{
    private const string Path = "docs/security/asvs.md";

    /// <summary>Levels 1 and 2 of V6 to V9 in ASVS 5.0.0: each section with its last requirement.</summary>
    private static readonly (string Section, int Last)[] Sections =
    [
        ("V6.1", 3), ("V6.2", 12), ("V6.3", 4), ("V6.4", 4), ("V6.5", 5), ("V6.6", 3), ("V6.8", 4),
        ("V7.1", 3), ("V7.2", 4), ("V7.3", 2), ("V7.4", 5), ("V7.5", 2), ("V7.6", 2),
        ("V8.1", 2), ("V8.2", 3), ("V8.3", 1), ("V8.4", 1), ("V9.1", 3), ("V9.2", 4),
    ];

    private static readonly string[] Verdicts = ["yes", "in part", "not yet", "later", "operator"];

    [Fact]
    public void Every_requirement_stands_in_the_ledger_once() => Rows().Select(r => r.Id).ShouldBe(
        Sections.SelectMany(s => Enumerable.Range(1, s.Last).Select(n => $"{s.Section}.{n}")));

    [Fact]
    public void Every_row_says_whether_it_holds_and_by_what() =>
        Rows().Where(r => !Verdicts.Contains(r.Holds) || r.By.Trim().Length < 10).Select(r => r.Id).ShouldBeEmpty();

    [Fact]
    public void Every_test_that_the_ledger_names_exists()
    {
        var tests = Repository.Paths.Where(p => p.StartsWith("tests/", StringComparison.Ordinal) && p.EndsWith(".cs", StringComparison.Ordinal))
            .SelectMany(p => Names(Repository.Read(p))).ToHashSet(StringComparer.Ordinal);
        Rows().SelectMany(r => TestName().Matches(r.By).Select(m => m.Groups[1].Value)).Where(name => !tests.Contains(name)).Distinct().ShouldBeEmpty("the ledger names tests that are not there");
    }

    private static IEnumerable<(string Id, string Holds, string By)> Rows() =>
        Row().Matches(Repository.Read(Path)).Select(m => (m.Groups[1].Value, m.Groups[2].Value, m.Groups[3].Value));

    /// <summary>Tests of a file as <c>Class.Method</c>, for each class that the file declares.</summary>
    private static IEnumerable<string> Names(string source)
    {
        var methods = Method().Matches(source).Select(m => m.Groups[1].Value).ToList();
        return Class().Matches(source).SelectMany(c => methods.Select(m => $"{c.Groups[1].Value}.{m}"));
    }

    [GeneratedRegex(@"^\| (V\d+\.\d+\.\d+) \| [12] \| ([a-z ]+) \| (.+) \|$", RegexOptions.Multiline)]
    private static partial Regex Row();

    [GeneratedRegex("`([A-Za-z]+Tests\\.[A-Za-z0-9_]+)`")]
    private static partial Regex TestName();

    [GeneratedRegex(@"\bclass ([A-Za-z]+Tests)\b")]
    private static partial Regex Class();

    [GeneratedRegex(@"public (?:async )?(?:Task|void) ([A-Za-z0-9_]+)\(")]
    private static partial Regex Method();
}
