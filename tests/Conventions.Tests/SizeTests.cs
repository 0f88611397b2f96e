using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace Crew.Conventions.Tests;

/// <summary>A file is one room, a method fits a screen, a line fits a window.</summary>
internal static class Sizes
{
    private const int FileLines = 400;
    private const int MethodLines = 60;
    private const int LineColumns = 200;

    public static readonly HouseRule Files = new("file-length", files =>
        from file in files
        where file.Lines.Length > FileLines
        select file.Accuse(0, $"{file.Lines.Length} lines; a file ends at {FileLines}"));

    public static readonly HouseRule Methods = new("method-length", files => files.SelectMany(LongMethods));

    public static readonly HouseRule Columns = new("line-length", files =>
        from file in files
        from line in file.Lines.Index()
        where line.Item.Length > LineColumns
        select file.Accuse(line.Index + 1, $"{line.Item.Length} columns; a line ends at {LineColumns}"));

    private static IEnumerable<Offender> LongMethods(SourceFile file)
    {
        var routines = file.Syntax.DescendantNodes()
            .Where(node => node is BaseMethodDeclarationSyntax or LocalFunctionStatementSyntax or AccessorDeclarationSyntax)
            .Select(node => (Name: NameOf(node), Start: StartOf(node), node.Span.End));
        var statements = file.Syntax.Members.OfType<GlobalStatementSyntax>()
            .Where(member => member.Statement is not LocalFunctionStatementSyntax).ToArray();
        var top = statements.Length == 0 ? [] : new[] { (Name: "top level", Start: statements[0].SpanStart, statements[^1].Span.End) };
        return
            from routine in routines.Concat(top)
            let first = file.LineAt(routine.Start)
            let length = file.LineAt(routine.End) - first + 1
            where length > MethodLines
            select file.Accuse(first, $"'{routine.Name}' has {length} lines; a method ends at {MethodLines}");
    }

    private static string NameOf(SyntaxNode node) => node switch
    {
        MethodDeclarationSyntax method => method.Identifier.Text,
        LocalFunctionStatementSyntax function => function.Identifier.Text,
        AccessorDeclarationSyntax accessor => accessor.Keyword.Text,
        ConstructorDeclarationSyntax constructor => constructor.Identifier.Text,
        _ => "operator",
    };

    /// <summary>Attributes above a method are declarations, not length.</summary>
    private static int StartOf(SyntaxNode node) =>
        node.ChildNodesAndTokens().First(child => !child.IsKind(Microsoft.CodeAnalysis.CSharp.SyntaxKind.AttributeList)).SpanStart;
}

public sealed class SizeTests
{
    [Fact]
    public void Files_end_at_400_lines() => Sizes.Files.ShouldHold();

    [Fact]
    public void Methods_end_at_60_lines() => Sizes.Methods.ShouldHold();

    [Fact]
    public void Lines_end_at_200_columns() => Sizes.Columns.ShouldHold();

    [Theory]
    [InlineData(400, 0)]
    [InlineData(401, 1)]
    public void A_long_file_is_found(int lines, int offenders) =>
        Sizes.Files.Judge("src/Keys/Long.cs", string.Concat(Enumerable.Repeat("// Why.\n", lines))).Count.ShouldBe(offenders);

    [Theory]
    [InlineData(60, 0)]
    [InlineData(61, 1)]
    public void A_long_method_is_found(int lines, int offenders)
    {
        var body = string.Concat(Enumerable.Repeat("x++;\n", lines - 3));
        Sizes.Methods.Judge("src/Keys/Long.cs", $"class C\n{{\n[Fact]\nvoid M()\n{{\n{body}}}\n}}\n").Count.ShouldBe(offenders);
        Sizes.Methods.Judge("src/Host/Program.cs", $"{{\n{body}}}\nx--;").Count.ShouldBe(offenders);
    }

    [Theory]
    [InlineData(200, 0)]
    [InlineData(201, 1)]
    public void A_long_line_is_found(int columns, int offenders) =>
        Sizes.Columns.Judge("src/Keys/Long.cs", $"\n//{new string('x', columns - 2)}\n").Count.ShouldBe(offenders);
}
