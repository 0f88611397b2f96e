using System.Security.Cryptography;
using Crew.Kernel;
using Crew.Sealing;
using Crew.Storage;

namespace Crew.Host;

/// <summary>
/// A backup on disk: a header in clear that tells whose key opens it, and behind it the encrypted copy of the database, which is bound
/// to that header.
/// <code>
///   "CREWBACK" | format (1) | recipient (1) | key id (16) | SHA-256 of everything before, first 16 bytes | encrypted stream
/// </code>
/// </summary>
internal static class BackupFile
{
    private const byte Format = 1;
    private const int CheckedBytes = 8 + 1 + 1 + BackupKey.IdBytes;
    private const int HeaderBytes = CheckedBytes + 16;
    private const int BufferBytes = 256 * 1024;
    private const int KeyVersion = 1;

    /// <summary>
    /// Writes beside the target, readable by this user only, and gives it its name once it is whole and on disk. A failure leaves
    /// nothing behind.
    /// </summary>
    public static async Task<Outcome<TransferReport>> WriteAsync(
        string path, BackupKey key, bool overwrite, Func<Stream, Task<Outcome<TransferReport>>> export, CancellationToken cancel)
    {
        if (!overwrite && File.Exists(path))
        {
            return HostFaults.BackupExists(path);
        }

        var building = $"{path}.{Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(4))}.partial";
        try
        {
            var report = await BuildAsync(building, key, export, cancel);
            if (report.Fault is null)
            {
                CrashPoint.Pass(CrashPoints.BackupNameBefore);
                File.Move(building, path, overwrite);
                CrashPoint.Pass(CrashPoints.BackupNameAfter);
                FolderSync.Flush(Path.GetDirectoryName(path)!);
            }

            return report;
        }
        catch (IOException) when (!overwrite && File.Exists(path))
        {
            return HostFaults.BackupExists(path);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            return Faults.Invalid("--to", $"{path} cannot be written: {error.Message}");
        }
        finally
        {
            if (File.Exists(building))
            {
                File.Delete(building);
            }
        }
    }

    /// <summary>Opens a backup and reads it; what is not exactly as it was written is refused.</summary>
    public static async Task<Outcome<TransferReport>> ReadAsync(
        string path, BackupKey key, Func<Stream, Task<Outcome<TransferReport>>> import, CancellationToken cancel)
    {
        try
        {
            await using var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read, BufferBytes, FileOptions.Asynchronous | FileOptions.SequentialScan);
            var header = new byte[HeaderBytes];
            var length = await file.ReadAtLeastAsync(header, HeaderBytes, throwOnEndOfStream: false, cancel);
            if (Check(header.AsSpan(0, length), key) is { } refused)
            {
                return refused;
            }

            await using var plain = new DecryptingStream(file, key.Key, header);
            return await import(plain);
        }
        catch (DamagedFileException)
        {
            return SealingFaults.FileDamaged;
        }
        catch (Exception error) when (error is FileNotFoundException or DirectoryNotFoundException or UnauthorizedAccessException)
        {
            return Faults.Invalid("--from", $"{path} cannot be read: {error.Message}");
        }
    }

    private static async Task<Outcome<TransferReport>> BuildAsync(
        string path, BackupKey key, Func<Stream, Task<Outcome<TransferReport>>> export, CancellationToken cancel)
    {
        var options = new FileStreamOptions
        {
            Mode = FileMode.CreateNew,
            Access = FileAccess.Write,
            Share = FileShare.None,
            BufferSize = BufferBytes,
            Options = FileOptions.Asynchronous,
        };
        if (!OperatingSystem.IsWindows())
        {
            options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        }

        await using var file = new FileStream(path, options);
        var header = Header(key);
        await file.WriteAsync(header, cancel);
        await using var sealing = new EncryptingStream(file, key.Key, KeyVersion, header, leaveOpen: true);
        var report = await export(sealing);
        if (report.Fault is null)
        {
            await sealing.CompleteAsync(cancel);
            file.Flush(flushToDisk: true);
        }

        return report;
    }

    private static byte[] Header(BackupKey key)
    {
        var header = new byte[HeaderBytes];
        "CREWBACK"u8.CopyTo(header);
        header[8] = Format;
        header[9] = (byte)key.Recipient;
        key.Id.CopyTo(header, 10);
        SHA256.HashData(header.AsSpan(0, CheckedBytes)).AsSpan(0, HeaderBytes - CheckedBytes).CopyTo(header.AsSpan(CheckedBytes));
        return header;
    }

    private static Fault? Check(ReadOnlySpan<byte> header, BackupKey key)
    {
        if (header.Length < HeaderBytes
            || !header.StartsWith("CREWBACK"u8)
            || !SHA256.HashData(header[..CheckedBytes]).AsSpan(0, HeaderBytes - CheckedBytes).SequenceEqual(header[CheckedBytes..]))
        {
            return SealingFaults.FileDamaged;
        }

        if (header[8] != Format)
        {
            return HostFaults.BackupUnknown(header[8]);
        }

        if (header[9] != (byte)key.Recipient)
        {
            return Faults.Invalid("--recipient-key-file", key.Recipient == BackupRecipient.Installation
                ? "The backup was sealed for a recipient key. Name its file with --recipient-key-file."
                : "The backup was sealed under the master key, not for a recipient key. Leave --recipient-key-file out.");
        }

        return header.Slice(10, BackupKey.IdBytes).SequenceEqual(key.Id) ? null
            : key.Recipient == BackupRecipient.Installation ? HostFaults.OtherMasterKey : HostFaults.OtherRecipientKey;
    }
}
