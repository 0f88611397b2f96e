using System.Text.RegularExpressions;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace Crew.Conventions.Tests;

/// <summary>A refusal as the code makes it.</summary>
internal sealed record CodeUse(string Code, int? Status, string Path, int Line);

/// <summary>
/// Every fault code has one meaning, one status and a page in docs/errors. A page may be ahead of its code only while docs/errors/README.md
/// lists the code under "Reserved"; the list shrinks by itself, because a reserved code that is in use is an offender, too.
/// </summary>
internal static partial class FaultPages
{
    public const string Folder = "docs/errors/";

    /// <summary>A code that is computed can have no page, so codes are written out where the fault is made.</summary>
    public static readonly HouseRule Literals = new("fault-code", files =>
        from file in files
        where file.IsProduct
        from making in file.Nodes<ObjectCreationExpressionSyntax>()
        let arguments = making.ArgumentList?.Arguments ?? default
        where SourceFile.SimpleName(making.Type) == "Fault" && arguments.Count >= 3 && Texts(arguments[0]).Length == 0
        select file.Accuse(making, "write the code of the fault out, so that its page can be found"));

    public static IReadOnlyList<CodeUse> UsesIn(IEnumerable<SourceFile> files) =>
    [
        .. from file in files
           where file.IsProduct
           from making in file.Nodes<BaseObjectCreationExpressionSyntax>()
           let arguments = making.ArgumentList?.Arguments ?? default
           where arguments.Count >= 3 && MayBeFault(making)
           let codes = Texts(arguments[0])
           let statuses = Statuses(arguments[1])
           where statuses.Length > 0
           from code in codes
           select new CodeUse(code, codes.Length == 1 && statuses.Length == 1 ? statuses[0] : null, file.Path, file.LineOf(making)),
    ];

    public static IEnumerable<Offender> Find(IReadOnlyList<CodeUse> uses, IReadOnlyDictionary<string, string> pages, string index)
    {
        var reserved = Reserved(index);
        var used = uses.Select(use => use.Code).ToHashSet();
        return
        [
            .. from use in uses
               where !pages.ContainsKey(use.Code)
               select new Offender(use.Path, use.Line, $"fault '{use.Code}' has no page {Folder}{use.Code}.md"),
            .. from code in uses.Where(use => use.Status is not null).GroupBy(use => use.Code)
               where code.Select(use => use.Status).Distinct().Count() > 1
               from use in code
               select new Offender(use.Path, use.Line, $"fault '{use.Code}' answers {use.Status} here and another status elsewhere"),
            .. from page in pages
               where !used.Contains(page.Key) && !reserved.Contains(page.Key)
               select new Offender($"{Folder}{page.Key}.md", 0, "no code uses this fault, and it is not reserved in the index"),
            .. from code in reserved
               where used.Contains(code) || !pages.ContainsKey(code)
               let state = used.Contains(code) ? "in use" : "without a page"
               select new Offender(Folder + "README.md", 0, $"'{code}' is {state}: take it off the reserved list"),
            .. from page in pages
               from complaint in Complaints(page.Key, page.Value, uses, index)
               select new Offender($"{Folder}{page.Key}.md", 0, complaint),
        ];
    }

    /// <summary>Codes under the heading "Reserved" of the index.</summary>
    public static IReadOnlySet<string> Reserved(string index)
    {
        var section = index.Split("\n## ").FirstOrDefault(part => part.StartsWith("Reserved", StringComparison.Ordinal)) ?? "";
        return Quoted().Matches(section).Select(match => match.Groups[1].Value).ToHashSet();
    }

    private static IEnumerable<string> Complaints(string code, string page, IReadOnlyList<CodeUse> uses, string index)
    {
        var parts = new[] { $"# {code}\n", "\nStatus: ", "\n## What happened\n", "\n## How to mend it\n", "\n## Example\n" };
        var missing = parts.Where(part => !page.Contains(part, StringComparison.Ordinal)).Select(part => $"lacks '{part.Trim()}'");
        var status = StatusLine().Match(page).Groups[1].Value;
        var other = uses.Where(use => use.Code == code && use.Status is not null && use.Status.ToString() != status)
            .Select(use => $"says status {status}, the code answers {use.Status}");
        var unlisted = index.Contains($"({code}.md)", StringComparison.Ordinal) ? [] : new[] { "is not in the index" };
        return [.. missing, .. other.Distinct(), .. unlisted];
    }

    private static bool MayBeFault(BaseObjectCreationExpressionSyntax making) =>
        making is not ObjectCreationExpressionSyntax named || SourceFile.SimpleName(named.Type) == "Fault";

    private static string[] Texts(ArgumentSyntax argument) =>
        Values<string>(argument).Where(text => CodeShape().IsMatch(text)).ToArray();

    private static int[] Statuses(ArgumentSyntax argument) =>
        Values<int>(argument).Where(number => number is >= 400 and < 600).ToArray();

    private static IEnumerable<T> Values<T>(ArgumentSyntax argument) =>
        argument.DescendantNodes().OfType<LiteralExpressionSyntax>().Select(literal => literal.Token.Value).OfType<T>();

    [GeneratedRegex("^[a-z][a-z0-9_]+$")]
    private static partial Regex CodeShape();

    [GeneratedRegex("`([a-z0-9_]+)`")]
    private static partial Regex Quoted();

    [GeneratedRegex(@"^Status: (\d{3})", RegexOptions.Multiline)]
    private static partial Regex StatusLine();
}

public sealed class FaultPageTests(ITestOutputHelper output)
{
    private const string Page = "# gone_key\n\nStatus: 401\n\n## What happened\n\n## How to mend it\n\n## Example\n";

    [Fact]
    public void Codes_are_written_out_where_a_fault_is_made() => FaultPages.Literals.ShouldHold();

    [Fact]
    public void Every_fault_has_one_status_and_a_page_and_every_page_a_fault()
    {
        var index = Repository.Read(FaultPages.Folder + "README.md");
        var pages = Repository.Paths
            .Where(path => path.StartsWith(FaultPages.Folder, StringComparison.Ordinal) && path != FaultPages.Folder + "README.md")
            .ToDictionary(path => Path.GetFileNameWithoutExtension(path), Repository.Read);
        output.WriteLine("Reserved: " + string.Join(' ', FaultPages.Reserved(index).Order()));
        Offenders.ShouldBeNone("fault-pages", FaultPages.Find(FaultPages.UsesIn(Repository.Sources), pages, index));
    }

    [Fact]
    public void A_fault_is_found_however_it_is_written()
    {
        var uses = FaultPages.UsesIn([new SourceFile("src/Keys/KeyFaults.cs", """
            static readonly Fault A = new("gone_key", 401, "…");
            static Fault B(bool late) => new Fault(late ? "late_key" : "early_key", 403, "…") { RetryAfterSeconds = 1 };
            static readonly Range C = new("not_a_fault", 7, 8);
            """)]);
        uses.Select(use => (use.Code, use.Status)).ShouldBe([("gone_key", 401), ("late_key", null), ("early_key", null)]);
    }

    [Fact]
    public void A_computed_code_is_found() =>
        FaultPages.Literals.Judge("src/Keys/A.cs", "class A { Fault F(string code) => new Fault(code, 400, code); }")
            .ShouldName("src/Keys/A.cs:1: write the code of the fault out, so that its page can be found");

    [Fact]
    public void A_fault_without_a_page_is_found() =>
        FaultPages.Find([new CodeUse("gone_key", 401, "src/A.cs", 3)], new Dictionary<string, string>(), "")
            .ShouldName("src/A.cs:3: fault 'gone_key' has no page docs/errors/gone_key.md");

    [Fact]
    public void A_code_with_two_statuses_or_another_one_than_its_page_is_found() =>
        FaultPages.Find([new CodeUse("gone_key", 401, "src/A.cs", 3), new CodeUse("gone_key", 403, "src/B.cs", 4)],
            new Dictionary<string, string> { ["gone_key"] = Page }, "[x](gone_key.md)").ShouldName(
            "src/A.cs:3: fault 'gone_key' answers 401 here and another status elsewhere",
            "src/B.cs:4: fault 'gone_key' answers 403 here and another status elsewhere",
            "docs/errors/gone_key.md: says status 401, the code answers 403");

    [Fact]
    public void A_page_ahead_of_its_code_stays_only_while_it_is_reserved()
    {
        var pages = new Dictionary<string, string> { ["gone_key"] = Page };
        const string reserved = "# Errors\n\n[x](gone_key.md)\n\n## Reserved\n\n- `gone_key`\n";
        FaultPages.Find([], pages, reserved).ShouldBeEmpty();
        FaultPages.Find([], pages, "[x](gone_key.md)")
            .ShouldName("docs/errors/gone_key.md: no code uses this fault, and it is not reserved in the index");
        FaultPages.Find([new CodeUse("gone_key", 401, "src/A.cs", 3)], pages, reserved)
            .ShouldName("docs/errors/README.md: 'gone_key' is in use: take it off the reserved list");
    }

    [Fact]
    public void A_page_without_its_parts_is_found() =>
        FaultPages.Find([new CodeUse("gone_key", 401, "src/A.cs", 3)],
            new Dictionary<string, string> { ["gone_key"] = "# gone_key\n\nStatus: 401\n" }, "").ShouldName(
            "docs/errors/gone_key.md: is not in the index",
            "docs/errors/gone_key.md: lacks '## Example'",
            "docs/errors/gone_key.md: lacks '## How to mend it'",
            "docs/errors/gone_key.md: lacks '## What happened'");
}
