using System.Security.Cryptography;

namespace Crew.Sealing;

/// <summary>
/// Ed25519 signatures (RFC 8032 section 5.1) by OpenSSL 3, since .NET has none. Keys are raw: 32 bytes private (the seed), 32
/// bytes public; signatures have 64. Where the library is missing every member but <see cref="IsAvailable"/> throws
/// <see cref="PlatformNotSupportedException"/>. Thread-safe.
/// </summary>
public static class Ed25519
{
    public const int PrivateKeyBytes = 32;
    public const int PublicKeyBytes = 32;
    public const int SignatureBytes = 64;

    /// <summary>Whether OpenSSL 3 is on this machine.</summary>
    public static bool IsAvailable => LibCrypto.IsAvailable;

    /// <summary>A new private key.</summary>
    public static byte[] NewPrivateKey() => RandomNumberGenerator.GetBytes(PrivateKeyBytes);

    /// <summary>The public key that belongs to a private key.</summary>
    public static byte[] PublicKeyOf(ReadOnlySpan<byte> privateKey)
    {
        using var key = Private(privateKey);
        var target = new byte[PublicKeyBytes];
        nuint length = PublicKeyBytes;
        Require(LibCrypto.GetPublicKey(key, target, ref length) == 1 && length == PublicKeyBytes);
        return target;
    }

    /// <summary>Signs a message. The same message and key always give the same signature.</summary>
    public static byte[] Sign(ReadOnlySpan<byte> privateKey, ReadOnlySpan<byte> message)
    {
        using var key = Private(privateKey);
        using var context = NewContext();
        var signature = new byte[SignatureBytes];
        nuint length = SignatureBytes;
        Require(LibCrypto.BeginSign(context, 0, 0, 0, key) == 1
            && LibCrypto.Sign(context, signature, ref length, message, (nuint)message.Length) == 1
            && length == SignatureBytes);
        return signature;
    }

    /// <summary>Whether the signature is the private key's own over this message. Malformed keys and signatures are false.</summary>
    public static bool Verify(ReadOnlySpan<byte> publicKey, ReadOnlySpan<byte> message, ReadOnlySpan<byte> signature)
    {
        RequireLibrary();
        if (publicKey.Length != PublicKeyBytes || signature.Length != SignatureBytes)
        {
            return false;
        }

        using var key = LibCrypto.NewPublicKey(LibCrypto.Ed25519, 0, publicKey, PublicKeyBytes);
        using var context = NewContext();
        var valid = !key.IsInvalid
            && LibCrypto.BeginVerify(context, 0, 0, 0, key) == 1
            && LibCrypto.Verify(context, signature, (nuint)signature.Length, message, (nuint)message.Length) == 1;
        if (!valid)
        {
            // The thread's error queue is shared with .NET's own use of the library.
            LibCrypto.ClearErrors();
        }

        return valid;
    }

    private static LibCrypto.KeyHandle Private(ReadOnlySpan<byte> privateKey)
    {
        RequireLibrary();
        if (privateKey.Length != PrivateKeyBytes)
        {
            throw new ArgumentException("An Ed25519 private key has 32 bytes.", nameof(privateKey));
        }

        var key = LibCrypto.NewPrivateKey(LibCrypto.Ed25519, 0, privateKey, PrivateKeyBytes);
        Require(!key.IsInvalid);
        return key;
    }

    private static LibCrypto.ContextHandle NewContext()
    {
        var context = LibCrypto.NewContext();
        Require(!context.IsInvalid);
        return context;
    }

    private static void RequireLibrary()
    {
        if (!IsAvailable)
        {
            throw new PlatformNotSupportedException(
                "Ed25519 needs OpenSSL 3 (libcrypto.so.3; on Debian the package libssl3). Install it and start again.");
        }
    }

    private static void Require(bool done)
    {
        if (!done)
        {
            LibCrypto.ClearErrors();
            throw new CryptographicException("OpenSSL refused an Ed25519 operation.");
        }
    }
}
