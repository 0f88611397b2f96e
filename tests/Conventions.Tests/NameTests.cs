using System.Text.RegularExpressions;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace Crew.Conventions.Tests;

/// <summary>A folder and a type are words of the domain. Words that fit everything name nothing.</summary>
internal static partial class Names
{
    private static readonly HashSet<string> Empty =
    [
        "Helper", "Helpers", "Util", "Utils", "Utility", "Utilities", "Manager", "Managers", "Common", "Misc", "Service", "Services",
        "Impl", "Base",
    ];

    public static readonly HouseRule Rule = new("name", files =>
        from file in files
        from type in file.Nodes<BaseTypeDeclarationSyntax>()
        let word = LastWord().Match(type.Identifier.Text).Value
        where Empty.Contains(word)
        select file.Accuse(type, $"type '{type.Identifier.Text}' ends in '{word}', which says nothing; find the noun of the domain"));

    public static IEnumerable<Offender> InFolders(IEnumerable<string> paths) =>
        from folder in paths.SelectMany(Folders).Distinct()
        where Empty.Contains(folder[(folder.LastIndexOf('/') + 1)..], StringComparer.OrdinalIgnoreCase)
        select new Offender(folder, 0, "the folder's name says nothing; find the noun of the domain");

    private static IEnumerable<string> Folders(string path) =>
        path.Index().Where(character => character.Item == '/').Select(character => path[..character.Index]);

    [GeneratedRegex("[A-Z][a-z0-9]*$")]
    private static partial Regex LastWord();
}

public sealed class NameTests
{
    [Fact]
    public void Types_are_named_by_the_domain() => Names.Rule.ShouldHold();

    [Fact]
    public void Folders_are_named_by_the_domain() => Offenders.ShouldBeNone(Names.Rule.Name, Names.InFolders(Repository.Paths));

    [Theory]
    [InlineData("KeyHelpers", 1)]
    [InlineData("StoreBase", 1)]
    [InlineData("Common", 1)]
    [InlineData("Database", 0)]
    [InlineData("BaseUrl", 0)]
    public void A_type_with_an_empty_name_is_found(string name, int offenders) =>
        Names.Rule.Judge("src/Keys/A.cs", $"namespace Crew.Keys; internal sealed record {name};").Count.ShouldBe(offenders);

    [Fact]
    public void A_folder_with_an_empty_name_is_found() =>
        Names.InFolders(["src/Keys/utils/A.cs", "src/Keys/utils/B.cs", "src/Keys/Contracts/C.cs"])
            .ShouldName("src/Keys/utils: the folder's name says nothing; find the noun of the domain");
}
