using System.Diagnostics;
using System.Diagnostics.CodeAnalysis;
using System.Security.Cryptography;
using System.Text;
using Crew.Kernel;
using Crew.Storage;

namespace Crew.Sealing;

/// <summary>
/// The key above all keys: 32 bytes that live outside the data they protect. It wraps the installation key and the organization
/// keys, nothing else, and refuses to print.
/// </summary>
[DebuggerDisplay("(master key)")]
public sealed class MasterKey : IDisposable
{
    /// <summary>The longest key file that is read, in bytes: 44 characters and generous white space.</summary>
    public const int MaxFileBytes = 1024;

    /// <summary>The version that stands in the envelope of a key wrapped by a master key.</summary>
    private const int EnvelopeVersion = 0;

    private readonly byte[] _key;

    private MasterKey(byte[] key) => _key = key;

    /// <summary>A fresh random key that is stored nowhere.</summary>
    public static MasterKey Generate() => new(RandomNumberGenerator.GetBytes(Envelope.KeyBytes));

    /// <summary>
    /// Reads base64 of 32 bytes; white space around it is ignored. <paramref name="source"/> names in the refusal where the text
    /// came from; the text itself is never repeated.
    /// </summary>
    public static Outcome<MasterKey> Parse(string text, string source)
    {
        var trimmed = text.AsSpan().Trim();
        var key = new byte[Envelope.KeyBytes];
        return trimmed.Length == 44 && Convert.TryFromBase64Chars(trimmed, key, out var written) && written == Envelope.KeyBytes
            ? new MasterKey(key)
            : SealingFaults.MasterKeyMalformed(source);
    }

    /// <summary>Reads a key file.</summary>
    public static Outcome<MasterKey> ReadFile(string path)
    {
        try
        {
            using var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read);
            var bytes = new byte[MaxFileBytes];
            var length = file.ReadAtLeast(bytes, bytes.Length, throwOnEndOfStream: false);
            var outcome = Parse(Encoding.ASCII.GetString(bytes, 0, length), path);
            CryptographicOperations.ZeroMemory(bytes);
            return outcome;
        }
        catch (Exception missing) when (missing is FileNotFoundException or DirectoryNotFoundException)
        {
            return SealingFaults.MasterKeyMissing($"{path} does not exist");
        }
        catch (Exception refused) when (refused is IOException or UnauthorizedAccessException)
        {
            return SealingFaults.MasterKeyUnreadable(path, refused.GetType().Name);
        }
    }

    /// <summary>
    /// Makes a new key and its file, readable and writable by this user only (0600), on disk before it returns, and its name in the
    /// folder too. An existing file is never touched. The name is given last, so that a process that dies on the way leaves no half of
    /// a key behind it.
    /// </summary>
    public static Outcome<MasterKey> CreateFile(string path)
    {
        var options = new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write, Share = FileShare.None };
        if (!OperatingSystem.IsWindows())
        {
            options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        }

        var building = $"{path}.{Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(4))}.partial";
        try
        {
            var master = Generate();
            using (var file = new FileStream(building, options))
            {
                file.Write(Encoding.ASCII.GetBytes(Convert.ToBase64String(master._key) + "\n"));
                file.Flush(flushToDisk: true);
            }

            CrashPoint.Pass(CrashPoints.MasterKeyBefore);
            File.Move(building, path, overwrite: false);
            FolderSync.Flush(Path.GetDirectoryName(Path.GetFullPath(path))!);
            return master;
        }
        catch (Exception refused) when (refused is IOException or UnauthorizedAccessException)
        {
            return File.Exists(path) ? SealingFaults.KeyFileExists(path) : SealingFaults.MasterKeyUnreadable(path, refused.GetType().Name);
        }
        finally
        {
            // Half a key (a full disk) must not stand in the way of the next attempt.
            if (File.Exists(building))
            {
                File.Delete(building);
            }
        }
    }

    /// <summary>
    /// The master key of an installation: <paramref name="text"/> (CREW_MASTER_KEY) wins over <paramref name="file"/>
    /// (CREW_MASTER_KEY_FILE), which wins over <paramref name="defaultFile"/> (<c>&lt;data&gt;.key</c>, null where the default
    /// file may not serve). It never makes a key: whether one may be made is decided by who knows that there is no data yet.
    /// </summary>
    public static Outcome<MasterKey> Load(string? text, string? file, string? defaultFile)
    {
        if (!string.IsNullOrWhiteSpace(text))
        {
            return Parse(text, "CREW_MASTER_KEY");
        }

        if (!string.IsNullOrWhiteSpace(file))
        {
            return ReadFile(file);
        }

        return defaultFile is null
            ? SealingFaults.MasterKeyMissing("neither CREW_MASTER_KEY nor CREW_MASTER_KEY_FILE is set")
            : ReadFile(defaultFile);
    }

    /// <summary>The key file that belongs to a data folder: beside it, never in it.</summary>
    public static string DefaultFileOf(string dataFolder) => Path.TrimEndingDirectorySeparator(Path.GetFullPath(dataFolder)) + ".key";

    /// <summary>Whether nobody but the file's owner may read it (always true on Windows, where modes do not exist).</summary>
    public static bool IsPrivate(string path) =>
        OperatingSystem.IsWindows()
        || (File.GetUnixFileMode(path) & ~(UnixFileMode.UserRead | UnixFileMode.UserWrite)) == UnixFileMode.None;

    /// <summary>A sub-key of 32 bytes (HKDF-SHA-256, the purpose as info), as backups take it. The caller clears it.</summary>
    public byte[] Derive(string purpose) => ScopeKey.Hkdf(_key, purpose);

    /// <summary>The key's base64 text, to be shown once or written to a file.</summary>
    public SecretText Reveal() => new(Convert.ToBase64String(_key));

    public void Dispose() => CryptographicOperations.ZeroMemory(_key);

    public override string ToString() => "(master key)";

    internal byte[] Wrap(WrappedKey row, ReadOnlySpan<byte> key) =>
        Envelope.Seal(Derive(KeyPurpose.Wrap), EnvelopeVersion, key, ScopeKey.PlaceOf(row));

    internal bool TryUnwrap(WrappedKey row, [NotNullWhen(true)] out byte[]? key) =>
        Envelope.TryOpen(Derive(KeyPurpose.Wrap), row.Wrapped, ScopeKey.PlaceOf(row), out key) && key.Length == Envelope.KeyBytes;

    /// <summary>A copy that lives on when its original is disposed.</summary>
    internal MasterKey Copy() => new([.. _key]);
}
