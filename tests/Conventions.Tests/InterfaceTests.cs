using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace Crew.Conventions.Tests;

/// <summary>
/// An interface is there because two implementations ship, or because it is a seam: in <c>Contracts</c>, or public in the
/// foundation for modules to implement. What tests implement does not count.
/// </summary>
internal static class Interfaces
{
    public static readonly HouseRule Rule = new("interface", Find);

    private static IEnumerable<Offender> Find(IReadOnlyList<SourceFile> files)
    {
        var types = files.Where(file => file.IsProduct)
            .SelectMany(file => file.Nodes<TypeDeclarationSyntax>().Select(type => (file, type))).ToArray();
        foreach (var (file, type) in types.Where(pair => pair.type is InterfaceDeclarationSyntax && !IsSeam(pair.file, pair.type)))
        {
            var name = type.Identifier.Text;
            var implementations = types.Count(other => other.type is not InterfaceDeclarationSyntax && Reaches(other.type, name));
            if (implementations < 2)
            {
                yield return file.Accuse(type,
                    $"'{name}' has {implementations} implementation(s); use the type itself until a second one ships");
            }
        }

        bool Reaches(TypeDeclarationSyntax type, string name) => Bases(type).Any(parent => parent == name || types.Any(other =>
            other.type is InterfaceDeclarationSyntax && other.type.Identifier.Text == parent && Reaches(other.type, name)));
    }

    private static IEnumerable<string> Bases(TypeDeclarationSyntax type) =>
        type.BaseList?.Types.Select(parent => SourceFile.SimpleName(parent.Type)) ?? [];

    private static bool IsSeam(SourceFile file, TypeDeclarationSyntax type) =>
        (file.IsFoundation && type.Modifiers.Any(SyntaxKind.PublicKeyword))
        || SourceFile.NamespaceOf(type).Split('.').Contains("Contracts");
}

public sealed class InterfaceTests
{
    [Fact]
    public void Interfaces_have_two_implementations_or_are_seams() => Interfaces.Rule.ShouldHold();

    [Fact]
    public void An_interface_for_one_class_is_found() =>
        Interfaces.Rule.Judge("src/Keys/Mint.cs", """
            namespace Crew.Keys;

            internal interface IMint;

            internal sealed class Mint : IMint;
            """).ShouldName("src/Keys/Mint.cs:3: 'IMint' has 1 implementation(s); use the type itself until a second one ships");

    [Fact]
    public void Two_implementations_count_also_through_a_narrower_interface() =>
        Interfaces.Rule.Judge("src/Keys/Mint.cs", """
            namespace Crew.Keys;

            internal interface IMint<T>;

            internal interface ILiveMint : IMint<int>;

            internal sealed class First : ILiveMint;

            internal sealed record Second : Crew.Keys.ILiveMint;
            """).ShouldBeEmpty();

    [Fact]
    public void A_seam_needs_no_second_implementation()
    {
        Interfaces.Rule.Judge("src/Foundation/Kernel/IPart.cs", "namespace Crew.Kernel; public interface IPart;").ShouldBeEmpty();
        Interfaces.Rule.Judge("src/Keys/Contracts/IPart.cs", "namespace Crew.Keys.Contracts; public interface IPart;").ShouldBeEmpty();
        Interfaces.Rule.Judge("src/Foundation/Kernel/IPart.cs", "namespace Crew.Kernel; internal interface IPart;").Count.ShouldBe(1);
    }
}
