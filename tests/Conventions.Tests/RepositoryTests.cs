using System.Text.RegularExpressions;

namespace Crew.Conventions.Tests;

/// <summary>
/// What may lie in the repository: the files at its root, the locks beside each project, no trace of the machine it grew on.
/// </summary>
internal static partial class Tidiness
{
    private static readonly HashSet<string> RootFiles =
    [
        "README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md", "LICENSE", "run.sh", "test.sh", "bench.sh",
        "Crew.slnx", "global.json", "Directory.Build.props", "Directory.Packages.props", ".editorconfig", ".gitattributes", ".gitignore",
    ];

    private static readonly HashSet<string> RootFolders = [".ci", "bench", "console", "docs", "eng", "samples", "sandbox", "src", "tests"];

    public static IEnumerable<Offender> Strays(IEnumerable<string> paths) =>
        from path in paths
        let slash = path.IndexOf('/', StringComparison.Ordinal)
        where slash < 0 ? !RootFiles.Contains(path) : !RootFolders.Contains(path[..slash])
        select new Offender(path, 0, slash < 0 ? "does not belong at the root" : "lies in a folder that does not belong at the root");

    public static IEnumerable<Offender> Unlocked(IReadOnlyCollection<string> paths) =>
        from path in paths
        let wanted = path.EndsWith(".csproj", StringComparison.Ordinal) ? "packages.lock.json"
            : path == "package.json" || path.EndsWith("/package.json", StringComparison.Ordinal) ? "package-lock.json" : null
        where wanted is not null && !paths.Contains(path[..(path.LastIndexOf('/') + 1)] + wanted)
        select new Offender(path, 0, $"has no {wanted} beside it; restore once and commit it");

    public static IEnumerable<Offender> Traces(string path, string text) =>
        from line in text.Split('\n').Index()
        let trace = Trace().Match(line.Item)
        where trace.Success
        select new Offender(path, line.Index + 1, $"'{trace.Value}' is a place on one machine or a package registry; name neither");

    [GeneratedRegex("""
        (?<![\w.\-/])/(wor[k]|roo[t])(?![\w\-]) | (?<![\w.\-/])/(hom[e]|User[s])/\w | [A-Z]:\\User[s]\\
        | https?://[^/\s"']*(nuge[t]|np[m]|registr[y]|mirro[r]|debia[n]\.)[^/\s"']*
        | ^\s*registr[y]\s*=
        """, RegexOptions.IgnorePatternWhitespace)]
    private static partial Regex Trace();
}

public sealed class RepositoryTests
{
    [Fact]
    public void The_checkout_is_found_and_read()
    {
        Repository.Paths.ShouldContain("Crew.slnx");
        Repository.Sources.ShouldContain(file => file.Path == "src/Host/Program.cs");
    }

    [Fact]
    public void Only_known_files_and_folders_lie_at_the_root() => Offenders.ShouldBeNone("root", Tidiness.Strays(Repository.Paths));

    [Fact]
    public void Every_project_has_its_lock_file() => Offenders.ShouldBeNone("locks", Tidiness.Unlocked([.. Repository.Paths]));

    [Fact]
    public void Continuous_integration_restores_what_the_lock_files_say()
    {
        var properties = Repository.Read("Directory.Build.props");
        properties.ShouldContain("<RestorePackagesWithLockFile>true</RestorePackagesWithLockFile>");
        properties.ShouldContain("<RestoreLockedMode Condition=\"'$(CI)' == 'true'\">true</RestoreLockedMode>");
    }

    [Fact]
    public void No_file_tells_of_the_machine_it_was_made_on() => Offenders.ShouldBeNone("traces", Repository.Paths
        .Where(path => !path.EndsWith(".png", StringComparison.Ordinal))
        .SelectMany(path => Tidiness.Traces(path, Repository.Read(path))));

    [Fact]
    public void Scripts_can_be_run() => Offenders.ShouldBeNone("scripts", Repository.Paths
        .Where(path => path.EndsWith(".sh", StringComparison.Ordinal) || path.StartsWith(".ci/", StringComparison.Ordinal))
        .Where(path => !Repository.IsExecutable(path))
        .Select(path => new Offender(path, 0, "is not executable")));

    [Fact]
    public void A_stray_file_is_found() =>
        Tidiness.Strays(["README.md", "PLAN.md", "src/Keys/Key.cs", "notes/today.md"]).ShouldName(
            "PLAN.md: does not belong at the root",
            "notes/today.md: lies in a folder that does not belong at the root");

    [Fact]
    public void A_missing_lock_file_is_found() =>
        Tidiness.Unlocked(["src/A/A.csproj", "src/A/packages.lock.json", "src/B/B.csproj", "tests/clients/package.json"]).ShouldName(
            "src/B/B.csproj: has no packages.lock.json beside it; restore once and commit it",
            "tests/clients/package.json: has no package-lock.json beside it; restore once and commit it");

    [Theory]
    [InlineData("cd /wo", "rk/crew", true)]
    [InlineData("\"resolved\": \"https://regi", "stry.example/a.tgz\"", true)]
    [InlineData("value=\"https://api.nu", "get.example/v3/index.json\"", true)]
    [InlineData("/ho", "me/me/crew", true)]
    [InlineData("GET /v1/wo", "rkspaces", false)]
    [InlineData("/wo", "rkspaces/{id}", false)]
    [InlineData("https://api.openai.com/", "v1", false)]
    public void A_trace_of_a_machine_is_found(string start, string end, bool found) =>
        Tidiness.Traces("docs/a.md", $"first\n{start}{end}\n").Any().ShouldBe(found);
}
