using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Crew.Host.Tests;

/// <summary>
/// A certificate for 127.0.0.1 as PEM files: signed by an intermediate that stands behind it in the same file, below a root of its own.
/// </summary>
internal sealed class PemFiles
{
    private static readonly DateTimeOffset Begins = DateTimeOffset.UtcNow.AddDays(-1);
    private static readonly DateTimeOffset Ends = DateTimeOffset.UtcNow.AddDays(60);

    private PemFiles(X509Certificate2 root, string certificate, string key, string name) =>
        (Root, Certificate, Key, Name) = (root, certificate, key, name);

    /// <summary>The only certificate that a client needs to know beforehand.</summary>
    public X509Certificate2 Root { get; }

    public string Certificate { get; }

    public string Key { get; }

    public string Name { get; }

    public static PemFiles Make(string name)
    {
        var root = Authority($"CN={name} root", null);
        using var between = Authority($"CN={name} intermediate", root);
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest($"CN={name}", key, HashAlgorithmName.SHA256);
        var names = new SubjectAlternativeNameBuilder();
        names.AddIpAddress(System.Net.IPAddress.Loopback);
        request.CertificateExtensions.Add(names.Build());
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(false, false, 0, true));
        using var leaf = request.Create(between, Begins, Ends, RandomNumberGenerator.GetBytes(8));
        var chain = $"{leaf.ExportCertificatePem()}\n{between.ExportCertificatePem()}\n";
        return new PemFiles(root, chain, key.ExportPkcs8PrivateKeyPem(), $"CN={name}");
    }

    /// <summary>A key that only a passphrase opens, which a server cannot type.</summary>
    public static string Sealed()
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        return key.ExportEncryptedPkcs8PrivateKeyPem(
            "passphrase", new PbeParameters(PbeEncryptionAlgorithm.Aes256Cbc, HashAlgorithmName.SHA256, 1_000));
    }

    public void Write(string certificateFile, string keyFile)
    {
        File.WriteAllText(keyFile, Key);
        File.WriteAllText(certificateFile, Certificate);
    }

    private static X509Certificate2 Authority(string name, X509Certificate2? issuer)
    {
        var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest(name, key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        request.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.KeyCertSign, true));
        return issuer is null
            ? request.CreateSelfSigned(Begins, Ends)
            : request.Create(issuer, Begins, Ends, RandomNumberGenerator.GetBytes(8)).CopyWithPrivateKey(key);
    }
}
