namespace Crew.Host;

/// <summary>One server per data folder: SQLite has one writer, and capacity leased in memory must not be leased twice.</summary>
internal sealed class FolderLock : IDisposable
{
    private readonly FileStream? _file;

    private FolderLock(FileStream? file) => _file = file;

    /// <summary>Takes the lock for as long as the process lives; null when another process holds it.</summary>
    public static FolderLock? TryTake(CrewSettings settings)
    {
        if (settings.Database is not null)
        {
            return new FolderLock(null);
        }

        Directory.CreateDirectory(settings.DataFolder);
        try
        {
            return new FolderLock(new FileStream(Path.Combine(settings.DataFolder, "crew.lock"), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None));
        }
        catch (IOException)
        {
            return null;
        }
    }

    public void Dispose() => _file?.Dispose();
}
