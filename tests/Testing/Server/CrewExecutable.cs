namespace Crew.Testing;

/// <summary>Finds the built product: <c>CREW_EXE</c>, or what the last build of the host left below the repository's root.</summary>
public static class CrewExecutable
{
    /// <summary>The folder that holds the solution.</summary>
    public static string RepositoryRoot { get; } = FindRoot();

    /// <summary>Null when nothing is built yet.</summary>
    /// <param name="places">Folders below <c>artifacts</c>, the preferred first; by default the debug build, then release.</param>
    public static string? TryFind(params string[] places)
    {
        if (Environment.GetEnvironmentVariable("CREW_EXE") is { Length: > 0 } given)
        {
            return File.Exists(given) ? Path.GetFullPath(given) : throw new FileNotFoundException("CREW_EXE names no file.", given);
        }

        string[] inOrder = places.Length > 0 ? places : ["bin/Host/debug", "bin/Host/release", "publish/Host/release"];
        return inOrder.Select(place => Path.Combine(RepositoryRoot, "artifacts", place, "crew")).FirstOrDefault(File.Exists);
    }

    public static string Find(params string[] places) => TryFind(places)
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
