using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Crew.Kernel;

namespace Crew.Sealing.Egress;

/// <summary>A client certificate with its private key and the certificates behind it, ready to be shown to servers that ask for one.</summary>
public sealed class ClientIdentity
{
    private const int MaximumCharacters = 64 * 1024;

    private ClientIdentity(SslStreamCertificateContext context) => Context = context;

    /// <summary>Whose certificate it is.</summary>
    public string Subject => Context.TargetCertificate.Subject;

    /// <summary>The end of its validity.</summary>
    public DateTimeOffset NotAfter => new(Context.TargetCertificate.NotAfter.ToUniversalTime(), TimeSpan.Zero);

    /// <summary>SHA-256 of the certificate, in lower-case hexadecimal.</summary>
    public string Thumbprint => Convert.ToHexStringLower(SHA256.HashData(Context.TargetCertificate.RawData));

    internal SslStreamCertificateContext Context { get; }

    /// <summary>Reads PEM texts: the certificate first, then those behind it, in one; the private key, without a password, in the other.</summary>
    public static Outcome<ClientIdentity> Parse(string certificate, SecretText privateKey)
    {
        var key = privateKey.Reveal();
        if (certificate.Length > MaximumCharacters || key.Length > MaximumCharacters)
        {
            return Faults.Invalid("client_certificate", $"The texts of a client certificate are at most {MaximumCharacters} characters.");
        }

        if (key.Contains("BEGIN ENCRYPTED PRIVATE KEY", StringComparison.Ordinal))
        {
            return Faults.Invalid("client_certificate.private_key",
                "The private key is locked with a password. Give it without one (openssl pkey -in key.pem); it is sealed before it is stored.");
        }

        try
        {
            using var made = X509Certificate2.CreateFromPem(certificate, key);
            var chain = new X509Certificate2Collection();
            chain.ImportFromPem(certificate);

            // A copy that holds its key by itself: the one from PEM is bound to a key that is gone with it on some systems.
            var leaf = X509CertificateLoader.LoadPkcs12(made.Export(X509ContentType.Pkcs12), null, X509KeyStorageFlags.EphemeralKeySet);
            return new ClientIdentity(SslStreamCertificateContext.Create(leaf, [.. chain.Skip(1)], offline: true));
        }
        catch (Exception unusable) when (unusable is CryptographicException or ArgumentException)
        {
            return Faults.Invalid("client_certificate", "The client certificate cannot be used: certificate must be PEM (the certificate first, then "
                + "those behind it), private_key the PEM of the key that belongs to it.");
        }
    }
}
