using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Crew.Kernel;

namespace Crew.Host;

/// <summary>
/// The PEM pair that the server shows, with the certificates behind it in the same file, read again when either file has changed.
/// A broken pair keeps the server from starting; on a running one it leaves the pair in use that was good.
/// </summary>
internal sealed class ServerCertificate(string certificateFile, string keyFile)
{
    private readonly Lock _gate = new();
    private SslStreamCertificateContext? _context;
    private (DateTime Certificate, DateTime Key) _stamp;

    /// <summary>What the next handshake shows; a broken pair is told about once.</summary>
    public SslStreamCertificateContext? Current(Action<Fault> onBroken)
    {
        var stamp = (File.GetLastWriteTimeUtc(certificateFile), File.GetLastWriteTimeUtc(keyFile));
        lock (_gate)
        {
            if (stamp != _stamp && Load(stamp) is { } broken)
            {
                onBroken(broken);
            }

            return _context;
        }
    }

    /// <summary>Reads the pair for the first time.</summary>
    public Fault? Open()
    {
        lock (_gate)
        {
            return Load((File.GetLastWriteTimeUtc(certificateFile), File.GetLastWriteTimeUtc(keyFile)));
        }
    }

    /// <summary>What reading a pair throws; a key on another certificate's curve is an argument that does not fit.</summary>
    public static bool IsUnusable(Exception error) =>
        error is IOException or UnauthorizedAccessException or CryptographicException or ArgumentException;

    private Fault? Load((DateTime, DateTime) stamp)
    {
        _stamp = stamp;
        try
        {
            var certificate = X509Certificate2.CreateFromPemFile(certificateFile, keyFile);
            var chain = new X509Certificate2Collection();
            chain.ImportFromPemFile(certificateFile);

            // Offline: an issuer that is not in the file is not fetched from wherever the certificate says it lies.
            _context = SslStreamCertificateContext.Create(certificate, chain, offline: true);
            return null;
        }
        catch (Exception error) when (IsUnusable(error))
        {
            return Broken(error);
        }
    }

    private Fault Broken(Exception error)
    {
        var (setting, file) = !CanRead(certificateFile) ? ("CREW_TLS_CERT", certificateFile) : ("CREW_TLS_KEY", keyFile);
        if (error is IOException or UnauthorizedAccessException)
        {
            return Faults.Invalid(setting, $"{setting} names {file}, which does not exist or cannot be read by this user. "
                + "Correct the path, or the file's permissions.");
        }

        return HoldsCertificate()
            ? Faults.Invalid("CREW_TLS_KEY", $"{keyFile} (CREW_TLS_KEY) holds no private key in clear PEM that belongs to the certificate "
                + $"in {certificateFile} (CREW_TLS_CERT). Name the key that the certificate was made with, without a passphrase.")
            : Faults.Invalid("CREW_TLS_CERT", $"{certificateFile} (CREW_TLS_CERT) holds no certificate in PEM. "
                + "Name the file that begins with -----BEGIN CERTIFICATE-----, the server's own certificate first.");
    }

    private static bool CanRead(string file)
    {
        try
        {
            File.OpenRead(file).Dispose();
            return true;
        }
        catch (Exception unreadable) when (unreadable is IOException or UnauthorizedAccessException)
        {
            return false;
        }
    }

    private bool HoldsCertificate()
    {
        try
        {
            X509Certificate2.CreateFromPem(File.ReadAllText(certificateFile)).Dispose();
            return true;
        }
        catch (Exception error) when (IsUnusable(error))
        {
            return false;
        }
    }
}
