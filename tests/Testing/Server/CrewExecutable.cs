namespace Crew.Testing;

/// <summary>Finds the built product: <c>CREW_EXE</c>, or what the last build of the host left below the repository's root.</summary>
public static class CrewExecutable
{
    /// <summary>The folder that holds the solution.</summary>
    public static string RepositoryRoot { get; } = FindRoot();

    /// <summary>Null when nothing is built yet.</summary>
    public static string? TryFind(params string[] preferred)
    {
        if (Environment.GetEnvironmentVariable("CREW_EXE") is { Length: > 0 } given)
        {
            return File.Exists(given) ? Path.GetFullPath(given) : throw new FileNotFoundException("CREW_EXE names no file.", given);
        }

        string[] flavours = preferred.Length > 0 ? preferred : ["debug", "release"];
        return flavours
            .SelectMany(flavour => new[] { "bin", "publish" }.Select(kind => Path.Combine(RepositoryRoot, "artifacts", kind, "Host", flavour, "crew")))
            .FirstOrDefault(File.Exists);
    }

    public static string Find(params string[] preferred) => TryFind(preferred)
        ?? throw new FileNotFoundException("The product is not built. Build src/Host, or name an executable in CREW_EXE.");

    private static string FindRoot()
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            if (File.Exists(Path.Combine(folder.FullName, "Crew.slnx")))
            {
                return folder.FullName;
            }
        }

        return Directory.GetCurrentDirectory();
    }
}
