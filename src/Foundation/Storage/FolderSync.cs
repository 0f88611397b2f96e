using System.Runtime.InteropServices;

namespace Crew.Storage;

/// <summary>
/// Puts the names in a folder on disk. A file that was flushed can still be gone after a power failure when its folder was not
/// (fsync(2), Linux). .NET opens no folders, so this asks the system itself; on Windows NTFS keeps names in its own log.
/// </summary>
public static partial class FolderSync
{
    private const int ReadOnly = 0;

    /// <summary>EINVAL: a file system that has no such thing.</summary>
    private const int NotSupported = 22;

    /// <exception cref="IOException">The folder could not be opened or flushed.</exception>
    public static void Flush(string folder)
    {
        if (OperatingSystem.IsWindows())
        {
            return;
        }

        var handle = Open(folder, ReadOnly);
        if (handle < 0)
        {
            throw Failed(folder);
        }

        try
        {
            if (Sync(handle) != 0 && Marshal.GetLastPInvokeError() != NotSupported)
            {
                throw Failed(folder);
            }
        }
        finally
        {
            _ = Close(handle);
        }
    }

    private static IOException Failed(string folder) => new($"The folder {folder} could not be flushed: {Marshal.GetLastPInvokeErrorMessage()}");

    [LibraryImport("libc", EntryPoint = "open", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int Open(string path, int flags);

    [LibraryImport("libc", EntryPoint = "fsync", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int Sync(int handle);

    [LibraryImport("libc", EntryPoint = "close")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int Close(int handle);
}
