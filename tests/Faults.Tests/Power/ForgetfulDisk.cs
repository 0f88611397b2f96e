using System.Buffers.Binary;
using System.Diagnostics;
using System.IO.MemoryMappedFiles;
using Crew.Testing;

namespace Crew.Faults.Tests;

/// <summary>The numbers that the shim shares with the test, in the order of its own list.</summary>
internal enum DiskNumber
{
    SyncDelayUs,
    SyncFailIn,
    SyncSticky,
    SyncErrno,
    WriteFailIn,
    WriteSticky,
    WriteErrno,
    Syncs,
    Writes,
    Failures,
    Truncations,
    Mappings,
}

/// <summary>
/// A disk whose power can be cut: <c>Shim/powercut.c</c>, built at test time and preloaded into the server. It delays and fails calls on
/// demand, and keeps beside the data what was not synced, so that the test can take it back after the process is dead.
/// </summary>
internal sealed class ForgetfulDisk : IDisposable
{
    public const int InputOutputError = 5;
    public const int NoSpace = 28;
    private const int PageBytes = 4_096;
    private const int HeadBytes = 16;

    private static readonly Lazy<Task<string>> Built = new(() => BuildAsync("powercut.c", "-shared", "-fPIC"));

    private readonly string _root;
    private readonly string _prefix;
    private readonly string _journals;
    private readonly string _library;
    private readonly MemoryMappedFile _file;
    private readonly MemoryMappedViewAccessor _control;

    /// <param name="root">Folder below which everything lies, the journals too: what was removed is kept by a second name.</param>
    /// <param name="prefix">How the paths begin that the disk heeds.</param>
    /// <param name="library">The built shim.</param>
    private ForgetfulDisk(string root, string prefix, string library)
    {
        (_root, _prefix, _library) = (root, prefix, library);
        _journals = Path.Combine(root, "disk");
        Directory.CreateDirectory(_journals);
        _file = MemoryMappedFile.CreateFromFile(ControlFile, FileMode.Create, null, PageBytes);
        _control = _file.CreateViewAccessor();
        Calm();
    }

    private string ControlFile => Path.Combine(_root, "disk.control");

    /// <summary>The disk of a server: its data folder and what lies beside it under the same name. It counts from the next start on.</summary>
    public static async Task<ForgetfulDisk> UnderAsync(CrewServer server)
    {
        var disk = new ForgetfulDisk(server.Root, server.DataFolder, await Built.Value);
        foreach (var (name, value) in disk.Environment)
        {
            server.Set(name, value);
        }

        return disk;
    }

    public static async Task<ForgetfulDisk> InAsync(string folder) => new(folder, folder, await Built.Value);

    public IReadOnlyDictionary<string, string> Environment => new Dictionary<string, string>
    {
        ["LD_PRELOAD"] = _library,
        ["CREW_SHIM_FOLDER"] = _prefix,
        ["CREW_SHIM_JOURNAL"] = _journals,
        ["CREW_SHIM_CONTROL"] = ControlFile,
    };

    public long this[DiskNumber number]
    {
        get => _control.ReadInt64((int)number * sizeof(long));
        set => _control.Write((int)number * sizeof(long), value);
    }

    /// <summary>Nothing fails and nothing is slow.</summary>
    public void Calm()
    {
        (this[DiskNumber.SyncDelayUs], this[DiskNumber.SyncSticky], this[DiskNumber.WriteSticky]) = (0, 0, 0);
        (this[DiskNumber.SyncFailIn], this[DiskNumber.WriteFailIn]) = (-1, -1);
    }

    /// <summary>Fails the n-th sync from now, and with <paramref name="sticky"/> all behind it.</summary>
    public void FailSyncs(int from, bool sticky) =>
        (this[DiskNumber.SyncErrno], this[DiskNumber.SyncSticky], this[DiskNumber.SyncFailIn]) = (InputOutputError, sticky ? 1 : 0, from);

    public void FailWrites(int from, bool sticky, int errno) =>
        (this[DiskNumber.WriteErrno], this[DiskNumber.WriteSticky], this[DiskNumber.WriteFailIn]) = (errno, sticky ? 1 : 0, from);

    /// <summary>
    /// The power comes back: what the dead process had not synced is gone. With <paramref name="torn"/> the disk had written some of it
    /// anyhow, in no order, as disks may.
    /// </summary>
    /// <returns>How many pages and names were taken back.</returns>
    public async Task<int> ForgetAsync(Random? torn)
    {
        var forgotten = ForgetNames();
        var files = await InodesAsync();
        foreach (var journal in Directory.EnumerateFiles(_journals, "*.undo").Where(path => Path.GetFileName(path) != "names.undo"))
        {
            var inode = Path.GetFileNameWithoutExtension(journal);
            if (files.TryGetValue(inode, out var path))
            {
                forgotten += ForgetPages(path, await File.ReadAllBytesAsync(journal), torn);
            }
        }

        foreach (var left in Directory.EnumerateFiles(_journals))
        {
            File.Delete(left);
        }

        return forgotten;
    }

    public void Dispose()
    {
        _control.Dispose();
        _file.Dispose();
    }

    /// <summary>Builds one of the C files beside the tests with the compiler of the machine.</summary>
    public static async Task<string> BuildAsync(string source, params string[] options)
    {
        var target = Path.Combine(Directory.CreateTempSubdirectory("crew-shim-").FullName, Path.GetFileNameWithoutExtension(source));
        AppDomain.CurrentDomain.ProcessExit += (_, _) => Directory.Delete(Path.GetDirectoryName(target)!, recursive: true);
        var path = Path.Combine(CrewExecutable.RepositoryRoot, "tests", "Faults.Tests", "Shim", source);
        var (code, _, error) = await RunAsync("gcc", ["-Wall", "-Wextra", "-O2", .. options, "-o", target, path, "-ldl", "-lpthread"]);
        code.ShouldBe(0, error);
        return target;
    }

    public static async Task<(int Code, string Output, string Error)> RunAsync(string program, IEnumerable<string> arguments, IReadOnlyDictionary<string, string>? environment = null)
    {
        var start = new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true, RedirectStandardError = true };
        foreach (var (name, value) in environment ?? new Dictionary<string, string>())
        {
            start.Environment[name] = value;
        }

        using var process = Process.Start(start)!;
        var output = process.StandardOutput.ReadToEndAsync();
        var error = await process.StandardError.ReadToEndAsync();
        await process.WaitForExitAsync();
        return (process.ExitCode, await output, error);
    }

    /// <summary>Newest first: created, removed and moved names become what they were.</summary>
    private int ForgetNames()
    {
        var path = Path.Combine(_journals, "names.undo");
        var lines = File.Exists(path) ? File.ReadAllLines(path) : [];
        foreach (var change in lines.Select(line => line.Split('\t')))
        {
            var (kind, name, to, kept) = (change[0], change[1], change[2], change[3]);
            if (kind == "C")
            {
                File.Delete(name);
                continue;
            }

            if (kind == "R" && File.Exists(to))
            {
                File.Move(to, name, overwrite: true);
            }

            if (kept.Length > 0)
            {
                File.Move(kept, kind == "R" ? to : name, overwrite: true);
            }
        }

        return lines.Length;
    }

    private static int ForgetPages(string path, byte[] journal, Random? torn)
    {
        if (journal.Length == 0)
        {
            return 0;
        }

        using var file = new FileStream(path, FileMode.Open, FileAccess.Write);
        var durable = BinaryPrimitives.ReadInt64LittleEndian(journal);
        var (pages, isWhole) = (0, true);
        for (var at = HeadBytes + (int)BinaryPrimitives.ReadInt64LittleEndian(journal.AsSpan(8)); at < journal.Length;)
        {
            var offset = BinaryPrimitives.ReadInt64LittleEndian(journal.AsSpan(at));
            var length = (int)BinaryPrimitives.ReadInt64LittleEndian(journal.AsSpan(at + 8));
            if (torn is null || torn.Next(2) == 0)
            {
                file.Position = offset;
                file.Write(journal.AsSpan(at + HeadBytes, length));
                file.Write(new byte[Math.Max(0, Math.Min(PageBytes, file.Length - offset) - length)]);
                pages++;
            }
            else
            {
                isWhole = false;
            }

            at += HeadBytes + length;
        }

        if (isWhole)
        {
            file.SetLength(durable);
        }

        return pages;
    }

    private async Task<Dictionary<string, string>> InodesAsync()
    {
        var (_, output, _) = await RunAsync("find", [_root, "-type", "f", "-not", "-path", _journals + "/*", "-printf", "%i\\t%p\\n"]);
        return output.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => line.Split('\t')).ToDictionary(line => line[0], line => line[1]);
    }
}
