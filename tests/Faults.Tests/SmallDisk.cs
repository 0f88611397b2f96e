using System.Diagnostics;

namespace Crew.Faults.Tests;

/// <summary>A tmpfs of a few mebibytes in the place of a folder, until it is disposed. Needs the right to mount.</summary>
internal sealed class SmallDisk : IDisposable
{
    private readonly string _folder;

    private SmallDisk(string folder) => _folder = folder;

    public static SmallDisk Mount(string folder, int mebibytes)
    {
        Assert.SkipUnless(Environment.IsPrivilegedProcess, "Mounting a small disk needs root.");
        Directory.CreateDirectory(folder);
        Assert.SkipUnless(Run("mount", "-t", "tmpfs", "-o", $"size={mebibytes}m,mode=700", "tmpfs", folder) == 0, "This machine lets nobody mount a tmpfs.");
        return new SmallDisk(folder);
    }

    /// <summary>Something else fills the disk to the last byte.</summary>
    public static void Fill(string path)
    {
        using var file = new FileStream(path, FileMode.Create, FileAccess.Write, FileShare.None, bufferSize: 0);
        var block = new byte[4_096];
        try
        {
            while (true)
            {
                file.Write(block);
            }
        }
        catch (IOException)
        {
            // Full.
        }
    }

    /// <summary>Lazily: the server may still be on its way out.</summary>
    public void Dispose() => Run("umount", "-l", _folder);

    private static int Run(string program, params string[] arguments)
    {
        using var process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardError = true })!;
        process.WaitForExit();
        return process.ExitCode;
    }
}
