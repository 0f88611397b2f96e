using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace Crew.Conventions.Tests;

/// <summary>A module shows its door (<c>KeysModule</c>) and its <c>Contracts</c>, nothing else.</summary>
internal static class Doors
{
    public static readonly HouseRule Rule = new("door", files => files.Where(IsModule).SelectMany(Find));

    private static bool IsModule(SourceFile file) => file.IsProduct && !file.IsFoundation && file.Project != "Host";

    private static IEnumerable<Offender> Find(SourceFile file) =>
        from type in file.Nodes<MemberDeclarationSyntax>()
        where type is BaseTypeDeclarationSyntax or DelegateDeclarationSyntax && type.Parent is not TypeDeclarationSyntax
        where type.Modifiers.Any(SyntaxKind.PublicKeyword)
        let name = type is DelegateDeclarationSyntax callback ? callback.Identifier.Text : ((BaseTypeDeclarationSyntax)type).Identifier.Text
        where name != $"{file.Project}Module" && !IsContract(SourceFile.NamespaceOf(type), file.Project)
        select file.Accuse(type, $"'{name}' is public; a module shows {file.Project}Module and Crew.{file.Project}.Contracts only");

    private static bool IsContract(string space, string project) =>
        space == $"Crew.{project}.Contracts" || space.StartsWith($"Crew.{project}.Contracts.", StringComparison.Ordinal);
}

public sealed class DoorTests
{
    [Fact]
    public void Modules_show_their_door_and_their_contracts_only() => Doors.Rule.ShouldHold();

    [Fact]
    public void A_public_type_beside_the_door_is_found() =>
        Doors.Rule.Judge("src/Keys/KeysModule.cs", """
            namespace Crew.Keys;

            public static class KeysModule { public enum Nested { One } }

            public sealed record ApiKey(string Id);

            internal sealed class Hidden;
            """).ShouldName("src/Keys/KeysModule.cs:5: 'ApiKey' is public; a module shows KeysModule and Crew.Keys.Contracts only");

    [Fact]
    public void Contracts_of_another_module_are_no_excuse()
    {
        Doors.Rule.Judge("src/Keys/Contracts/Minted.cs", "namespace Crew.Keys.Contracts; public sealed class Minted;").ShouldBeEmpty();
        Doors.Rule.Judge("src/Keys/Contracts/Minted.cs", "namespace Crew.Spend.Contracts; public sealed class Minted;").Count.ShouldBe(1);
    }
}
