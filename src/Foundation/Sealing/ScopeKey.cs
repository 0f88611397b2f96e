using System.Collections.Concurrent;
using System.Diagnostics;
using System.Diagnostics.CodeAnalysis;
using System.Security.Cryptography;
using System.Text;

namespace Crew.Sealing;

/// <summary>One unwrapped version of a scope's key. Thread-safe; it never leaves the process and refuses to print.</summary>
[DebuggerDisplay("{Id} (key)")]
public sealed class ScopeKey
{
    private const int MaxCachedPurposes = 16;

    private readonly byte[] _key;
    private readonly AesGcmPool _ciphers;
    private readonly ConcurrentDictionary<string, byte[]> _derived = new(StringComparer.Ordinal);

    internal ScopeKey(WrappedKey row, byte[] key)
    {
        (Id, Scope, ScopeId, Version, _key) = (row.Id, row.Scope, row.ScopeId, row.Version, key);
        _ciphers = new AesGcmPool(DeriveArray(KeyPurpose.Seal));
    }

    public string Id { get; }

    public KeyScope Scope { get; }

    public string ScopeId { get; }

    public int Version { get; }

    /// <summary>The 32 bytes of the sub-key for a purpose (HKDF-SHA-256, the purpose as info); cached.</summary>
    public ReadOnlySpan<byte> Derive(string purpose) => DeriveArray(purpose);

    /// <summary>Seals a value for the place it will be stored at.</summary>
    public byte[] Seal(in Cell cell, ReadOnlySpan<byte> plaintext)
    {
        var associated = AssociatedData.Of(cell, Version);
        var cipher = _ciphers.Take();
        var envelope = Envelope.Seal(cipher, Version, plaintext, associated);
        _ciphers.Return(cipher);
        return envelope;
    }

    /// <summary>Opens a value sealed by this very key for this very place; false for anything else.</summary>
    public bool TryOpen(in Cell cell, ReadOnlySpan<byte> envelope, [NotNullWhen(true)] out byte[]? plaintext)
    {
        plaintext = null;
        if (!Envelope.TryReadKeyVersion(envelope, out var version) || version != Version)
        {
            return false;
        }

        var associated = AssociatedData.Of(cell, Version);
        var cipher = _ciphers.Take();
        var opened = Envelope.TryOpen(cipher, envelope, associated, out plaintext);
        _ciphers.Return(cipher);
        return opened;
    }

    /// <summary>
    /// HMAC-SHA-256 (32 bytes) under this key's sub-key for <see cref="KeyPurpose.Lookup"/>, by which a sealed value is found
    /// again. The column's name goes in too, so that equal values of two columns cannot be matched. Normalise the value first.
    /// </summary>
    public byte[] LookupHash(string column, string value) =>
        HMACSHA256.HashData(DeriveArray(KeyPurpose.Lookup), Encoding.UTF8.GetBytes($"{column}\0{value}"));

    public override string ToString() => $"{Id} (key)";

    internal byte[] DeriveArray(string purpose)
    {
        if (_derived.TryGetValue(purpose, out var known))
        {
            return known;
        }

        var derived = Hkdf(_key, purpose);
        return _derived.Count < MaxCachedPurposes ? _derived.GetOrAdd(purpose, derived) : derived;
    }

    internal byte[] WrapFor(WrappedKey child, ReadOnlySpan<byte> childKey) =>
        Envelope.Seal(DeriveArray(KeyPurpose.Wrap), Version, childKey, PlaceOf(child));

    internal bool TryUnwrap(WrappedKey child, [NotNullWhen(true)] out byte[]? childKey) =>
        Envelope.TryOpen(DeriveArray(KeyPurpose.Wrap), child.Wrapped, PlaceOf(child), out childKey)
        && childKey.Length == Envelope.KeyBytes;

    internal byte[] WrapAgainUnder(MasterKey master, WrappedKey row) => master.Wrap(row, _key);

    internal byte[] WrapAgainUnder(ScopeKey parent, WrappedKey row) => parent.WrapFor(row, _key);

    internal static byte[] PlaceOf(WrappedKey row) =>
        AssociatedData.Of(row.ScopeId, $"key/{(int)row.Scope}", row.ParentId ?? "master", row.Id, row.Version);

    internal static byte[] Hkdf(byte[] key, string purpose) =>
        HKDF.DeriveKey(HashAlgorithmName.SHA256, key, Envelope.KeyBytes, salt: null, Encoding.UTF8.GetBytes(purpose));
}
