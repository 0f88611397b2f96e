using Crew.Kernel;

namespace Crew.Sealing;

/// <summary>The refusals of sealing. They name places and ids, never the text of a key.</summary>
public static class SealingFaults
{
    public static readonly Fault WrongMasterKey = new("wrong_master_key", 500,
        "The master key does not open the keys of this installation. Give the master key that the data was made with "
        + "(CREW_MASTER_KEY, CREW_MASTER_KEY_FILE or the key file beside the data folder).");

    public static readonly Fault KeysMissing = new("keys_missing", 500,
        "The key table has no installation key, although data is there. "
        + "Restore the key table from a backup; a new key would not open the data.");

    public static readonly Fault FileDamaged = new("file_damaged", 500,
        "The encrypted file was truncated, extended, changed or sealed under another key. Restore it from another copy.");

    public static readonly Fault NotCanonical = new("not_canonical_json", 400,
        "The JSON text has no canonical form (RFC 8785).");

    public static Fault KeysDamaged(string ids) => new Fault("keys_damaged", 500,
        "Some stored keys do not open, or their parent is missing. Restore those rows of the key table from a backup.").With("ids", ids);

    public static Fault MasterKeyMissing(string where) => new Fault("master_key_missing", 500,
        $"There is no master key: {where}. Give it in CREW_MASTER_KEY (base64 of 32 bytes) or name its file in CREW_MASTER_KEY_FILE.");

    public static Fault MasterKeyMalformed(string source) => new Fault("master_key_malformed", 500,
        $"The master key from {source} is not the base64 text of 32 bytes. Make one with: openssl rand -base64 32");

    public static Fault MasterKeyUnreadable(string path, string reason) => new Fault("master_key_unreadable", 500,
        $"The master key file {path} cannot be read or written: {reason}.");

    public static Fault KeyFileExists(string path) => new("key_file_exists", 500,
        $"There is a key file at {path} already, and a key file is never overwritten. Move it away if it is truly not needed any more.");
}
