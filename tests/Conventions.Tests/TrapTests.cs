using System.Globalization;
using System.Text.RegularExpressions;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace Crew.Conventions.Tests;

/// <summary>
/// The traps of gateways are numbered. A test that stands in one carries its number (<c>[Trait("Trap", "7")]</c>), and the page of the traps names
/// exactly those tests; a trap that is not ours names none and says why.
/// </summary>
internal static partial class Traps
{
    public const string Page = "docs/guides/gateway-traps.md";
    public const int Count = 34;

    /// <summary>Tests by the number of their trap.</summary>
    public static ILookup<int, string> Find(IEnumerable<SourceFile> files) => (
        from file in files
        where file.Path.StartsWith("tests/", StringComparison.Ordinal)
        from mark in file.Nodes<AttributeSyntax>()
        let number = NumberOf(mark)
        where number is not null
        from method in mark.Ancestors().OfType<MethodDeclarationSyntax>().Take(1)
        from type in method.Ancestors().OfType<ClassDeclarationSyntax>().Take(1)
        select (Number: number.Value, Test: $"{type.Identifier.Text}.{method.Identifier.Text}")).ToLookup(found => found.Number, found => found.Test);

    private static int? NumberOf(AttributeSyntax mark) =>
        mark.Name.ToString() == "Trait" && mark.ArgumentList?.Arguments is [var name, var number] && name.ToString() == "\"Trap\""
            ? int.Parse(number.ToString().Trim('"'), CultureInfo.InvariantCulture) : null;

    public static IReadOnlyList<string> Check(string page, ILookup<int, string> tests)
    {
        var wrong = new List<string>();
        var rows = Row().Matches(page).ToDictionary(
            row => int.Parse(row.Groups[1].Value, CultureInfo.InvariantCulture), row => Named().Matches(row.Groups[2].Value).Select(name => name.Groups[1].Value));
        for (var number = 1; number <= Count; number++)
        {
            if (!rows.TryGetValue(number, out var named))
            {
                wrong.Add($"trap {number} has no row");
            }
            else if (!named.Order(StringComparer.Ordinal).SequenceEqual(tests[number].Distinct().Order(StringComparer.Ordinal)))
            {
                wrong.Add($"trap {number} is shown by: {string.Join(", ", tests[number].Distinct().Order(StringComparer.Ordinal))}");
            }
            else if (!named.Any() && !page.Contains($"**{number}** does not apply", StringComparison.Ordinal))
            {
                wrong.Add($"trap {number} has no test and no reason");
            }
        }

        return [.. wrong, .. tests.Select(each => each.Key).Except(Enumerable.Range(1, Count)).Select(number => $"there is no trap {number}")];
    }

    [GeneratedRegex(@"^\| (\d+) \|[^|]*\|([^|]*)\|\s*$", RegexOptions.Multiline)]
    private static partial Regex Row();

    [GeneratedRegex("`([^`]+)`")]
    private static partial Regex Named();
}

public sealed class TrapTests
{
    [Fact]
    public void Every_trap_has_its_tests_and_the_page_names_them() => Traps.Check(Repository.Read(Traps.Page), Traps.Find(Repository.Sources)).ShouldBeEmpty();

    [Fact]
    public void A_trap_without_a_test_is_found()
    {
        var tests = Traps.Find([new SourceFile("tests/A/B.cs", "class B { [Trait(\"Trap\", \"1\")] public void C() {} [Trait(\"Trap\", \"99\")] public void D() {} }")]);
        var wrong = Traps.Check("| 1 | a | `B.C` |\n| 2 | b | `B.C` |\n| 3 | c | |\n", tests);
        wrong.ShouldNotContain("trap 1 has no row");
        wrong.ShouldContain("trap 2 is shown by: ");
        wrong.ShouldContain("trap 3 has no test and no reason");
        wrong.ShouldContain("trap 4 has no row");
        wrong.ShouldContain("there is no trap 99");
    }
}
