using System.Xml.Linq;

namespace Crew.Conventions.Tests;

/// <summary>
/// Who may use whom: the arrows of ARCHITECTURE.md, read from the project files (a compiler drops references that nobody used).
/// </summary>
internal static class ReferenceGraph
{
    public const string Rule = "references";

    private static readonly string[] Foundation = ["Kernel", "Storage", "Sealing", "Http"];

    /// <summary>The one project that composes all the others.</summary>
    private const string Composition = "Host";

    private static readonly Dictionary<string, string[]> MayUse = new()
    {
        ["Kernel"] = [],
        ["Storage"] = ["Kernel"],
        ["Sealing"] = ["Kernel", "Storage"],
        ["Http"] = ["Kernel", "Storage", "Sealing"],
        ["Mail"] = ["Kernel"],
        ["Tenancy"] = [.. Foundation],
        ["Audit"] = [.. Foundation, "Mail"],
        ["Spend"] = [.. Foundation, "Tenancy"],
        ["Identity"] = [.. Foundation, "Mail", "Tenancy", "Keys"],
        ["Keys"] = [.. Foundation, "Tenancy", "Spend"],
        ["Webhooks"] = [.. Foundation],
        ["Gateway"] = [.. Foundation, "Tenancy", "Spend"],
    };

    public static IEnumerable<Offender> Find(string path, string project)
    {
        var name = Path.GetFileNameWithoutExtension(path);
        var items = XDocument.Parse(project).Descendants()
            .ToLookup(item => item.Name.LocalName, item => item.Attribute("Include")?.Value ?? "");
        var used = items["ProjectReference"].Select(reference => Path.GetFileNameWithoutExtension(reference.Replace('\\', '/')));
        if (name == Composition)
        {
            return [];
        }

        if (!MayUse.TryGetValue(name, out var allowed))
        {
            return [new Offender(path, 0, $"project '{name}' has no row in the table of references: say there what it may use")];
        }

        var outside = name == "Kernel" ? items["PackageReference"].Concat(items["FrameworkReference"]) : [];
        return
        [
            .. used.Except(allowed).Select(other => new Offender(path, 0, $"{name} may not use {other}")),
            .. outside.Select(package => new Offender(path, 0, $"Kernel uses no packages, so not {package}")),
        ];
    }

    /// <summary>Rooms that the map does not show.</summary>
    public static IEnumerable<Offender> Unmapped(IEnumerable<string> projects, string map) => projects
        .Select(path => path[..path.LastIndexOf('/')])
        .Where(folder => !map.Contains($"`{folder}`", StringComparison.Ordinal))
        .Select(folder => new Offender("ARCHITECTURE.md", 0, $"names no `{folder}`"));
}

public sealed class ReferenceGraphTests
{
    private static IEnumerable<string> Projects => Repository.Paths.Where(path =>
        path.StartsWith("src/", StringComparison.Ordinal) && path.EndsWith(".csproj", StringComparison.Ordinal));

    [Fact]
    public void References_between_projects_follow_the_table() =>
        Offenders.ShouldBeNone(ReferenceGraph.Rule, Projects.SelectMany(path => ReferenceGraph.Find(path, Repository.Read(path))));

    [Fact]
    public void The_architecture_page_names_every_project() =>
        Offenders.ShouldBeNone(ReferenceGraph.Rule, ReferenceGraph.Unmapped(Projects, Repository.Read("ARCHITECTURE.md")));

    [Fact]
    public void A_reference_against_the_direction_is_found() =>
        ReferenceGraph.Find("src/Tenancy/Tenancy.csproj", """
            <Project><ItemGroup>
              <ProjectReference Include="../Foundation/Kernel/Kernel.csproj" /><ProjectReference Include="..\Keys\Keys.csproj" />
            </ItemGroup></Project>
            """).ShouldName("src/Tenancy/Tenancy.csproj: Tenancy may not use Keys");

    [Fact]
    public void A_package_in_the_kernel_is_found() =>
        ReferenceGraph.Find("src/Foundation/Kernel/Kernel.csproj", """<Project><PackageReference Include="Npgsql" /></Project>""")
            .ShouldName("src/Foundation/Kernel/Kernel.csproj: Kernel uses no packages, so not Npgsql");

    [Fact]
    public void A_project_without_a_row_is_found() =>
        ReferenceGraph.Find("src/Attic/Attic.csproj", "<Project />").ShouldHaveSingleItem().Message.ShouldContain("no row");

    [Fact]
    public void A_project_that_the_map_forgets_is_found() =>
        ReferenceGraph.Unmapped(["src/Keys/Keys.csproj", "src/Audit/Audit.csproj"], "In `src/Keys` live the keys.")
            .ShouldName("ARCHITECTURE.md: names no `src/Audit`");
}
