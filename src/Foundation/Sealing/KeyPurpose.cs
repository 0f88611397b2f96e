namespace Crew.Sealing;

/// <summary>
/// What a sub-key is for: the info string of HKDF-SHA-256 (RFC 5869 section 2.3). One key never serves two purposes. A module
/// may name its own; the words here are taken.
/// </summary>
public static class KeyPurpose
{
    /// <summary>Sealing of columns (<see cref="Envelope"/>).</summary>
    public const string Seal = "seal";

    /// <summary>Keyed hashes for looking up sealed values.</summary>
    public const string Lookup = "lookup";

    /// <summary>The pepper of API key fingerprints; taken from the installation key.</summary>
    public const string Pepper = "pepper";

    /// <summary>Keyed hashes that recognise a request or a file again.</summary>
    public const string Fingerprint = "fingerprint";

    /// <summary>Encrypted files (<see cref="ChunkedCipher"/>).</summary>
    public const string File = "file";

    /// <summary>Backups.</summary>
    public const string Backup = "backup";

    /// <summary>Wrapping of the keys below.</summary>
    internal const string Wrap = "wrap";
}
