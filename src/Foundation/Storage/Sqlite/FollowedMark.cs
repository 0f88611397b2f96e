using System.Buffers.Binary;
using System.Diagnostics;
using Microsoft.Win32.SafeHandles;

namespace Crew.Storage;

/// <summary>
/// How far the server of a data folder has followed the change feed, for the commands beside it: 8 bytes in a file that is there while
/// it serves. What a command changes answers when the server acts on it, as a change of the server's own does.
/// </summary>
internal sealed class FollowedMark : IAsyncDisposable
{
    /// <summary>A server that stands still, or was killed and left its file behind, is not waited for any longer.</summary>
    private const int MostWaitMilliseconds = 2_000;

    private const int PauseMilliseconds = 5;
    private readonly string _path;
    private readonly SafeFileHandle _file;
    private readonly IAsyncDisposable _claim;

    private FollowedMark(string path, SafeFileHandle file, IAsyncDisposable claim) => (_path, _file, _claim) = (path, file, claim);

    /// <summary>For the server that has claimed the folder; its end ends the claim.</summary>
    public static FollowedMark Open(string folder, IAsyncDisposable claim)
    {
        var path = PathIn(folder);
        return new FollowedMark(path, File.OpenHandle(path, FileMode.Create, FileAccess.Write, FileShare.ReadWrite | FileShare.Delete), claim);
    }

    public void Move(long version)
    {
        Span<byte> bytes = stackalloc byte[sizeof(long)];
        BinaryPrimitives.WriteInt64LittleEndian(bytes, version);
        try
        {
            RandomAccess.Write(_file, bytes, 0);
        }
        catch (IOException)
        {
            // A full disk: commands wait for their whole limit.
        }
    }

    /// <summary>Returns when the server has followed so far, or there is none.</summary>
    public static async Task WaitAsync(string folder, long version)
    {
        for (var started = Stopwatch.GetTimestamp();
             Read(folder) < version && Stopwatch.GetElapsedTime(started).TotalMilliseconds < MostWaitMilliseconds;)
        {
            await Task.Delay(PauseMilliseconds);
        }
    }

    public async ValueTask DisposeAsync()
    {
        _file.Dispose();
        File.Delete(_path);
        await _claim.DisposeAsync();
    }

    private static string PathIn(string folder) => Path.Combine(folder, "crew.followed");

    private static long Read(string folder)
    {
        try
        {
            using var file = File.OpenHandle(PathIn(folder), FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
            Span<byte> bytes = stackalloc byte[sizeof(long)];
            return RandomAccess.Read(file, bytes, 0) == bytes.Length ? BinaryPrimitives.ReadInt64LittleEndian(bytes) : long.MinValue;
        }
        catch (FileNotFoundException)
        {
            return long.MaxValue;
        }
    }
}
