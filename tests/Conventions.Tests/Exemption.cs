using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace Crew.Conventions.Tests;

/// <summary>A <c>[ConventionExemption("rule", "reason")]</c> and the lines that it covers.</summary>
internal sealed record Exemption(string Rule, string Reason, string Path, int Line, int LastLine, bool CoversFile)
{
    private const int ShortestReason = 20;

    public static IReadOnlyList<Exemption> In(IEnumerable<SourceFile> files) => [.. files.SelectMany(In)];

    public bool Covers(string rule, Offender offender) =>
        Rule == rule && Path == offender.Path && (offender.Line == 0 ? CoversFile : offender.Line >= Line && offender.Line <= LastLine);

    /// <summary>Exemptions that name no rule, give no reason, or exempt nothing any more.</summary>
    public static IEnumerable<Offender> Idle(IReadOnlyList<HouseRule> rules, IReadOnlyList<SourceFile> files)
    {
        var offences = rules.ToDictionary(rule => rule.Name, rule => rule.Find(files).ToArray());
        foreach (var exemption in In(files))
        {
            if (!offences.TryGetValue(exemption.Rule, out var offenders))
            {
                yield return exemption.Accuse($"no rule is named '{exemption.Rule}'; the rules are {string.Join(", ", offences.Keys)}");
            }
            else if (exemption.Reason.Length < ShortestReason)
            {
                yield return exemption.Accuse($"the exemption from '{exemption.Rule}' needs a sentence that says why");
            }
            else if (!offenders.Any(offender => exemption.Covers(exemption.Rule, offender)))
            {
                yield return exemption.Accuse($"the exemption from '{exemption.Rule}' exempts nothing any more; remove it");
            }
        }
    }

    private static IEnumerable<Exemption> In(SourceFile file) =>
        file.Text.Contains("ConventionExemption", StringComparison.Ordinal)
            ? file.Nodes<AttributeSyntax>().Where(IsExemption).Select(attribute => From(file, attribute))
            : [];

    private static bool IsExemption(AttributeSyntax attribute) =>
        SourceFile.SimpleName(attribute.Name) is "ConventionExemption" or "ConventionExemptionAttribute";

    private static Exemption From(SourceFile file, AttributeSyntax attribute)
    {
        var target = attribute.Parent!.Parent!;
        var isFile = target is CompilationUnitSyntax;
        var isOuterType = target is BaseTypeDeclarationSyntax && target.Parent is not TypeDeclarationSyntax;
        return new Exemption(Argument(attribute, 0), Argument(attribute, 1), file.Path, isFile ? 1 : file.LineOf(target),
            isFile ? file.Lines.Length : file.LineAt(target.Span.End), isFile || isOuterType);
    }

    private static string Argument(AttributeSyntax attribute, int index) =>
        attribute.ArgumentList?.Arguments.ElementAtOrDefault(index) is { } argument
            ? string.Concat(argument.DescendantNodes().OfType<LiteralExpressionSyntax>().Select(literal => literal.Token.ValueText))
            : "";

    private Offender Accuse(string message) => new(Path, Line, message);
}

public sealed class ExemptionTests
{
    [Fact]
    public void Every_exemption_names_a_rule_gives_a_reason_and_is_still_needed() =>
        Offenders.ShouldBeNone("exemptions", Exemption.Idle(HouseRule.All, Repository.Sources));

    [Fact]
    public void An_exempt_type_is_left_alone_and_its_neighbour_is_not() =>
        Names.Rule.Judge("src/Keys/Both.cs", """
            namespace Crew.Keys;

            [ConventionExemption("name", "The word of the protocol that this type implements.")]
            internal sealed class KeyManager;

            internal sealed class OtherManager;
            """).ShouldName("src/Keys/Both.cs:6: type 'OtherManager' ends in 'Manager', which says nothing; find the noun of the domain");

    [Fact]
    public void An_exemption_without_rule_reason_or_use_is_an_offender_itself() =>
        Exemption.Idle(HouseRule.All,
        [
            new SourceFile("src/Keys/Idle.cs", """
                namespace Crew.Keys;

                [ConventionExemption("nmae", "The word of the protocol that this type implements.")]
                internal sealed class AManager;

                [ConventionExemption("name", "because")]
                internal sealed class BManager;

                [ConventionExemption("name", "The word of the protocol that this type implements.")]
                internal sealed class Key;
                """),
        ]).Select(offender => offender.Line).ShouldBe([3, 6, 9]);
}
