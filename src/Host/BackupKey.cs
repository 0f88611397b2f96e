using System.Security.Cryptography;
using Crew.Kernel;
using Crew.Sealing;

namespace Crew.Host;

/// <summary>Who can open a backup.</summary>
internal enum BackupRecipient : byte
{
    Installation = 0,
    Other = 1,
}

/// <summary>The key of a backup file, and an id that tells the right key from a wrong one without giving anything away.</summary>
internal sealed class BackupKey : IDisposable
{
    public const int IdBytes = 16;

    private BackupKey(byte[] key, BackupRecipient recipient)
    {
        (Key, Recipient) = (key, recipient);
        Id = HMACSHA256.HashData(key, "crew backup key id"u8)[..IdBytes];
    }

    public byte[] Key { get; }

    public BackupRecipient Recipient { get; }

    public byte[] Id { get; }

    public static BackupKey Of(MasterKey master) => new(master.Derive(KeyPurpose.Backup), BackupRecipient.Installation);

    /// <summary>The key of another recipient: a file with the base64 text of 32 bytes, such as a master key file has.</summary>
    public static Outcome<BackupKey> Read(string path)
    {
        var read = MasterKey.ReadFile(path);
        if (read.Failed(out var fault))
        {
            return Faults.Invalid("--recipient-key-file", $"The recipient key cannot be used: {fault.Message}");
        }

        using var key = read.Value;
        return new BackupKey(key.Derive(KeyPurpose.Backup), BackupRecipient.Other);
    }

    public void Dispose() => CryptographicOperations.ZeroMemory(Key);
}
