using System.Diagnostics;

namespace Crew.Conventions.Tests;

/// <summary>The checkout that the tests judge: every file that is tracked or about to be.</summary>
internal static class Repository
{
    private static readonly string[] NeverOurs = [".git", "artifacts", "node_modules", "data"];

    public static string Root { get; } = FindRoot();

    /// <summary>Paths from the root, with forward slashes.</summary>
    public static IReadOnlyList<string> Paths { get; } =
        [.. (FromGit() ?? FromDisk()).Where(path => File.Exists(Full(path))).Distinct().Order(StringComparer.Ordinal)];

    /// <summary>All of our own C#.</summary>
    public static IReadOnlyList<SourceFile> Sources { get; } =
    [
        .. Paths.Where(path => path.EndsWith(".cs", StringComparison.Ordinal))
            .Where(path => path.Split('/')[0] is "src" or "tests" or "bench" or "samples")
            .Select(path => new SourceFile(path, Read(path))),
    ];

    public static string Full(string path) => Path.Combine(Root, path);

    public static string Read(string path) => File.ReadAllText(Full(path));

    public static bool IsExecutable(string path) =>
        OperatingSystem.IsWindows() || (File.GetUnixFileMode(Full(path)) & UnixFileMode.UserExecute) != 0;

    private static string FindRoot()
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            if (File.Exists(Path.Combine(folder.FullName, "Crew.slnx")))
            {
                return folder.FullName;
            }
        }

        throw new InvalidOperationException("The tests run from inside the checkout; no Crew.slnx was found above them.");
    }

    private static string[]? FromGit()
    {
        var start = new ProcessStartInfo("git", ["ls-files", "-z", "--cached", "--others", "--exclude-standard"])
        {
            WorkingDirectory = Root,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        try
        {
            using var git = Process.Start(start)!;
            var listing = git.StandardOutput.ReadToEnd();
            git.WaitForExit();
            return git.ExitCode == 0 ? listing.Split('\0', StringSplitOptions.RemoveEmptyEntries) : null;
        }
        catch (System.ComponentModel.Win32Exception)
        {
            return null; // A source archive on a machine without git: the files on disk are all there is to judge.
        }
    }

    private static IEnumerable<string> FromDisk() => Directory
        .EnumerateFiles(Root, "*", SearchOption.AllDirectories)
        .Select(file => Path.GetRelativePath(Root, file).Replace('\\', '/'))
        .Where(path => !path.Split('/').Intersect(NeverOurs).Any());
}
