using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace Crew.Conventions.Tests;

/// <summary>
/// Every name of <c>CrashPoints</c> is passed in exactly one place of the product, so that a death has one meaning, and is swept by the tests.
/// </summary>
internal static class CrashPointNames
{
    private const string Names = "CrashPoints";
    private const string Sweep = "tests/Faults.Tests/";

    public static IEnumerable<Offender> Find(IReadOnlyList<SourceFile> files)
    {
        var passes = files.Where(file => file.IsProduct).SelectMany(Passes).ToArray();
        var swept = files.Where(file => file.Path.StartsWith(Sweep, StringComparison.Ordinal))
            .SelectMany(file => file.Nodes<MemberAccessExpressionSyntax>()).Where(access => access.Expression.ToString() == Names)
            .Select(access => access.Name.Identifier.Text).ToHashSet();
        var declared = files.Where(file => file.IsProduct).SelectMany(Declared).ToArray();
        return
        [
            .. from name in declared
               let places = passes.Count(pass => pass.Argument == $"{Names}.{name.Name}")
               where places != 1
               select new Offender(name.Path, name.Line, $"'{name.Name}' is passed in {places} places; it must be one"),
            .. from name in declared
               where !swept.Contains(name.Name)
               select new Offender(name.Path, name.Line, $"'{name.Name}' is not swept by {Sweep}"),
            .. from pass in passes
               where !declared.Any(name => pass.Argument == $"{Names}.{name.Name}")
               select new Offender(pass.Path, pass.Line, $"name the crash point in {Names}"),
        ];
    }

    private static IEnumerable<(string Name, string Path, int Line)> Declared(SourceFile file) =>
        from type in file.Nodes<ClassDeclarationSyntax>()
        where type.Identifier.Text == Names
        from field in type.Members.OfType<FieldDeclarationSyntax>()
        from variable in field.Declaration.Variables
        select (variable.Identifier.Text, file.Path, file.LineOf(variable));

    private static IEnumerable<(string Argument, string Path, int Line)> Passes(SourceFile file) =>
        from call in file.Nodes<InvocationExpressionSyntax>()
        where call.Expression.ToString() == "CrashPoint.Pass"
        select (call.ArgumentList.Arguments.ToString(), file.Path, file.LineOf(call));
}

public sealed class CrashPointTests
{
    private const string Declaration = "public static class CrashPoints { public const string A = \"a\"; }";

    [Fact]
    public void Every_crash_point_is_passed_in_one_place_and_swept() => Offenders.ShouldBeNone("crash-points", CrashPointNames.Find(Repository.Sources));

    [Fact]
    public void A_point_that_nobody_passes_or_sweeps_is_found() =>
        CrashPointNames.Find([new SourceFile("src/Foundation/Kernel/CrashPoints.cs", Declaration)]).ShouldName(
            "src/Foundation/Kernel/CrashPoints.cs:1: 'A' is passed in 0 places; it must be one",
            "src/Foundation/Kernel/CrashPoints.cs:1: 'A' is not swept by tests/Faults.Tests/");

    [Fact]
    public void A_point_in_two_places_and_a_name_of_its_own_are_found() =>
        CrashPointNames.Find(
        [
            new SourceFile("src/Foundation/Kernel/CrashPoints.cs", Declaration),
            new SourceFile("src/Keys/A.cs", "class K { void M() { CrashPoint.Pass(CrashPoints.A); CrashPoint.Pass(CrashPoints.A); CrashPoint.Pass(\"b\"); } }"),
            new SourceFile("tests/Faults.Tests/Plan.cs", "class P { string[] All = [CrashPoints.A]; }"),
        ]).ShouldName(
            "src/Foundation/Kernel/CrashPoints.cs:1: 'A' is passed in 2 places; it must be one",
            "src/Keys/A.cs:1: name the crash point in CrashPoints");
}
