using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Crew.Storage;

/// <summary>
/// Puts the names in a folder on disk. A file that was flushed can still be gone after a power failure when its folder was not
/// (fsync(2), Linux). .NET opens no folders, so this asks the system itself; on Windows NTFS keeps names in its own log.
/// </summary>
public static partial class FolderSync
{
    private const int ReadOnly = 0;

    /// <exception cref="IOException">The folder could not be opened or flushed.</exception>
    public static void Flush(string folder)
    {
        if (OperatingSystem.IsWindows())
        {
            return;
        }

        using var handle = new SafeFileHandle(Open(folder, ReadOnly), ownsHandle: true);
        if (handle.IsInvalid)
        {
            throw new IOException($"The folder {folder} could not be flushed: {Marshal.GetLastPInvokeErrorMessage()}");
        }

        // A file system that has no such thing is passed over. The runtime's own call is one that a test can stand in for.
        RandomAccess.FlushToDisk(handle);
    }

    [LibraryImport("libc", EntryPoint = "open", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial nint Open(string path, int flags);
}
