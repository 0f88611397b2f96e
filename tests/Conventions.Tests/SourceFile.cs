using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace Crew.Conventions.Tests;

/// <summary>One file of C#. Rules see its text and syntax only, so that they judge code that need not build yet.</summary>
internal sealed class SourceFile(string path, string text)
{
    private static readonly CSharpParseOptions Options = new(LanguageVersion.Preview);

    public string Path { get; } = path;

    public string Text { get; } = text;

    public CompilationUnitSyntax Syntax => field ??= CSharpSyntaxTree.ParseText(Text, Options).GetCompilationUnitRoot();

    public string[] Lines => field ??= Text.TrimEnd('\n').Split('\n');

    public bool IsProduct => Path.StartsWith("src/", StringComparison.Ordinal);

    public bool IsFoundation => Path.StartsWith("src/Foundation/", StringComparison.Ordinal);

    /// <summary>The project the file belongs to, by the layout of the source folder; empty outside of it.</summary>
    public string Project => !IsProduct ? "" : Path.Split('/')[IsFoundation ? 2 : 1];

    public IEnumerable<T> Nodes<T>() where T : SyntaxNode => Syntax.DescendantNodes().OfType<T>();

    public int LineOf(SyntaxNode node) => LineAt(node.SpanStart);

    public int LineAt(int position) => Syntax.SyntaxTree.GetText().Lines.GetLinePosition(position).Line + 1;

    public Offender Accuse(int line, string message) => new(Path, line, message);

    public Offender Accuse(SyntaxNode node, string message) => new(Path, LineOf(node), message);

    /// <summary>The namespace around a declaration; empty when there is none.</summary>
    public static string NamespaceOf(SyntaxNode node) =>
        node.Ancestors().OfType<BaseNamespaceDeclarationSyntax>().FirstOrDefault()?.Name.ToString() ?? "";

    /// <summary>Identifier of a type expression without qualifiers and type arguments.</summary>
    public static string SimpleName(TypeSyntax type) => type switch
    {
        QualifiedNameSyntax qualified => qualified.Right.Identifier.Text,
        AliasQualifiedNameSyntax alias => alias.Name.Identifier.Text,
        SimpleNameSyntax simple => simple.Identifier.Text,
        NullableTypeSyntax nullable => SimpleName(nullable.ElementType),
        _ => type.ToString(),
    };
}

/// <summary>A place that breaks a rule. Line 0 is the file as a whole.</summary>
internal sealed record Offender(string Path, int Line, string Message)
{
    public override string ToString() => Line > 0 ? $"{Path}:{Line}: {Message}" : $"{Path}: {Message}";
}
