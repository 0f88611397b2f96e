using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace Crew.Conventions.Tests;

/// <summary>Namespaces are file-scoped and, in the product, begin with the name of their project.</summary>
internal static class Namespaces
{
    public static readonly HouseRule Rule = new("namespace", files => files.SelectMany(Find));

    private static IEnumerable<Offender> Find(SourceFile file)
    {
        foreach (var block in file.Nodes<NamespaceDeclarationSyntax>())
        {
            yield return file.Accuse(block, $"namespace {block.Name} has braces; write it file-scoped");
        }

        foreach (var type in file.Syntax.Members.OfType<BaseTypeDeclarationSyntax>())
        {
            yield return file.Accuse(type, $"'{type.Identifier.Text}' has no namespace");
        }

        var home = $"Crew.{file.Project}";
        foreach (var space in file.Nodes<BaseNamespaceDeclarationSyntax>().Where(_ => file.IsProduct))
        {
            var name = space.Name.ToString();
            if (name != home && !name.StartsWith(home + ".", StringComparison.Ordinal))
            {
                yield return file.Accuse(space, $"namespace {name} in a project whose namespace is {home}");
            }
        }
    }
}

public sealed class NamespaceTests
{
    [Fact]
    public void Namespaces_are_file_scoped_and_named_after_their_project() => Namespaces.Rule.ShouldHold();

    [Fact]
    public void A_namespace_with_braces_is_found() =>
        Namespaces.Rule.Judge("tests/Keys.Tests/A.cs", "namespace Crew.Keys.Tests { class A; }")
            .ShouldName("tests/Keys.Tests/A.cs:1: namespace Crew.Keys.Tests has braces; write it file-scoped");

    [Fact]
    public void A_foreign_namespace_is_found() =>
        Namespaces.Rule.Judge("src/Foundation/Http/A.cs", "namespace Crew.Httpish; class A;")
            .ShouldName("src/Foundation/Http/A.cs:1: namespace Crew.Httpish in a project whose namespace is Crew.Http");

    [Fact]
    public void A_type_without_a_namespace_is_found() =>
        Namespaces.Rule.Judge("src/Keys/A.cs", "class A;").ShouldName("src/Keys/A.cs:1: 'A' has no namespace");
}
