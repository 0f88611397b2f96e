using System.Collections.Concurrent;
using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;

namespace Crew.Sealing.Tests.Egress;

/// <summary>A real HTTP/1.1 server on this machine that answers every request with one fixed text and notes what came.</summary>
internal sealed class LoopbackServer : IAsyncDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly CancellationTokenSource _stop = new();
    private readonly string _answer;
    private readonly Task _accepting;

    public LoopbackServer(string answer, X509Certificate2? certificate = null)
    {
        _answer = answer;
        Certificate = certificate;
        _listener.Start();
        _accepting = Accept();
    }

    public ConcurrentQueue<string> Requests { get; } = [];

    public X509Certificate2? Certificate { get; }

    public int Port => ((IPEndPoint)_listener.LocalEndpoint).Port;

    public static string Ok(string body, string headers = "") =>
        $"HTTP/1.1 200 OK\r\nContent-Length: {body.Length}\r\nConnection: close\r\n{headers}\r\n{body}";

    /// <summary>A self-signed certificate; <paramref name="use"/> is the one thing that it may be used for.</summary>
    public static X509Certificate2 CertificateFor(string host, string use = "1.3.6.1.5.5.7.3.1")
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest($"CN={host}", key, HashAlgorithmName.SHA256);
        var names = new SubjectAlternativeNameBuilder();
        names.AddDnsName(host);
        request.CertificateExtensions.Add(names.Build());
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        request.CertificateExtensions.Add(new X509EnhancedKeyUsageExtension([new Oid(use)], critical: false));
        return request.CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(1));
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        _listener.Stop();
        await _accepting;
        _stop.Dispose();
    }

    private async Task Accept()
    {
        while (!_stop.IsCancellationRequested)
        {
            try
            {
                using var client = await _listener.AcceptTcpClientAsync(_stop.Token);
                await Answer(client.GetStream());
            }
            catch (Exception failed) when (failed
                is OperationCanceledException or IOException or SocketException or AuthenticationException)
            {
                // A client that gives up, or the end of the test.
            }
        }
    }

    private async Task Answer(Stream connection)
    {
        if (Certificate is not null)
        {
            var secure = new SslStream(connection);
            await secure.AuthenticateAsServerAsync(new SslServerAuthenticationOptions { ServerCertificate = Certificate }, _stop.Token);
            connection = secure;
        }

        var head = new StringBuilder();
        var buffer = new byte[4096];
        while (!head.ToString().Contains("\r\n\r\n", StringComparison.Ordinal))
        {
            var read = await connection.ReadAsync(buffer, _stop.Token);
            if (read == 0)
            {
                return;
            }

            head.Append(Encoding.ASCII.GetString(buffer, 0, read));
        }

        Requests.Enqueue(head.ToString());
        if (_answer.Length == 0)
        {
            await Task.Delay(Timeout.Infinite, _stop.Token);
        }

        await connection.WriteAsync(Encoding.ASCII.GetBytes(_answer), _stop.Token);
        await connection.FlushAsync(_stop.Token);
    }
}
