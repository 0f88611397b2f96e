using System.Text.RegularExpressions;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace Crew.Conventions.Tests;

/// <summary>Every number in an <c>XOptions</c> says its unit in its name (a plural counts things) and has a <c>[Range]</c>.</summary>
internal static partial class Options
{
    private static readonly HashSet<string> Numbers =
        ["byte", "short", "ushort", "int", "uint", "long", "ulong", "nint", "float", "double", "decimal", "Int32", "Int64", "NanoUsd"];

    public static readonly HouseRule Rule = new("options", files => files.Where(file => file.IsProduct).SelectMany(Find));

    private static IEnumerable<Offender> Find(SourceFile file) =>
        from type in file.Nodes<TypeDeclarationSyntax>()
        where type.Identifier.Text.EndsWith("Options", StringComparison.Ordinal) && !type.Modifiers.Any(SyntaxKind.StaticKeyword)
        from setting in Settings(type)
        from complaint in Complaints(setting)
        select file.Accuse(setting.Node, $"{type.Identifier.Text}.{setting.Name} {complaint}");

    private static IEnumerable<Setting> Settings(TypeDeclarationSyntax type) =>
    [
        .. from property in type.Members.OfType<PropertyDeclarationSyntax>()
           where property.ExpressionBody is null && !property.Modifiers.Any(SyntaxKind.StaticKeyword)
           select new Setting(property, property.Identifier.Text, SourceFile.SimpleName(property.Type), property.AttributeLists),
        .. from parameter in type.ParameterList?.Parameters ?? []
           where type is RecordDeclarationSyntax && parameter.Type is not null
           select new Setting(parameter, parameter.Identifier.Text, SourceFile.SimpleName(parameter.Type!), parameter.AttributeLists),
    ];

    private static IEnumerable<string> Complaints(Setting setting)
    {
        if (setting.Type == "TimeSpan")
        {
            yield return "is a TimeSpan; make it a number with its unit in the name, such as TimeoutSeconds";
        }

        if (Numbers.Contains(setting.Type) && !Unit().IsMatch(setting.Name))
        {
            yield return "does not say its unit in its name";
        }

        if (Numbers.Contains(setting.Type) && !setting.HasRange)
        {
            yield return "has no [Range]";
        }
    }

    [GeneratedRegex("([a-z]s|NanoUsd|Percent|Per[A-Z][a-z]+|Port|Count|Depth|Length|[KM]iB)$")]
    private static partial Regex Unit();

    private sealed record Setting(SyntaxNode Node, string Name, string Type, SyntaxList<AttributeListSyntax> Attributes)
    {
        public bool HasRange =>
            Attributes.SelectMany(list => list.Attributes).Any(attribute => SourceFile.SimpleName(attribute.Name) == "Range");
    }
}

public sealed class OptionsTests
{
    [Fact]
    public void Every_limit_has_a_unit_and_a_range() => Options.Rule.ShouldHold();

    [Fact]
    public void A_limit_without_unit_or_range_is_found() =>
        Options.Rule.Judge("src/Keys/KeysOptions.cs", """
            namespace Crew.Keys;

            internal sealed class KeysOptions
            {
                [Range(1, 90)]
                public int RotationDays { get; init; } = 90;

                public long? MaxBodyBytes { get; init; }

                [Range(1, 5)] public int Timeout { get; init; }

                public TimeSpan Overlap { get; init; }

                [Range(1, 5)] public int RequestsPerMinute { get; init; }

                public string Name { get; init; } = "";
            }

            internal sealed record FlushOptions([property: Range(1, 64)] int BatchRows, int Wait);
            """).ShouldName(
            "src/Keys/KeysOptions.cs:8: KeysOptions.MaxBodyBytes has no [Range]",
            "src/Keys/KeysOptions.cs:10: KeysOptions.Timeout does not say its unit in its name",
            "src/Keys/KeysOptions.cs:12: KeysOptions.Overlap is a TimeSpan; "
            + "make it a number with its unit in the name, such as TimeoutSeconds",
            "src/Keys/KeysOptions.cs:19: FlushOptions.Wait does not say its unit in its name",
            "src/Keys/KeysOptions.cs:19: FlushOptions.Wait has no [Range]");
}
