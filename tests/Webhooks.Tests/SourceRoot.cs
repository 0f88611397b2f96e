namespace Crew.Webhooks.Tests;

/// <summary>The repository that these tests were built from.</summary>
internal static class SourceRoot
{
    public static string Path { get; } = Find();

    private static string Find()
    {
        var folder = new DirectoryInfo(AppContext.BaseDirectory);
        while (!File.Exists(System.IO.Path.Combine(folder!.FullName, "Crew.slnx")))
        {
            folder = folder.Parent;
        }

        return folder.FullName;
    }
}
