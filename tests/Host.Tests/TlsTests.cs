using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using System.Text;

namespace Crew.Host.Tests;

public sealed class TlsTests : IAsyncLifetime
{
    private readonly string _folder = Directory.CreateTempSubdirectory("crew-tls-").FullName;
    private readonly PemFiles _pem = PemFiles.Make("first");
    private readonly int _port = PostgresServer.FreePort();
    private CrewServer _server = null!;

    private string CertificateFile => Path.Combine(_folder, "tls.crt");

    private string KeyFile => Path.Combine(_folder, "tls.key");

    public async ValueTask InitializeAsync()
    {
        _pem.Write(CertificateFile, KeyFile);
        _server = await CrewServer.StartNewAsync(new CrewServerOptions
        {
            FurtherUrls = [$"https://127.0.0.1:{_port}"],
            Environment = new Dictionary<string, string?> { ["CREW_TLS_CERT"] = CertificateFile, ["CREW_TLS_KEY"] = KeyFile },
        });
    }

    public async ValueTask DisposeAsync()
    {
        await _server.DisposeAsync();
        Directory.Delete(_folder, recursive: true);
    }

    [Fact]
    public async Task It_speaks_TLS_1_2_and_1_3_and_nothing_older_and_nothing_in_clear()
    {
        foreach (var version in new[] { SslProtocols.Tls12, SslProtocols.Tls13 })
        {
            await using var stream = await HandshakeAsync(version, _pem.Root);
            stream.SslProtocol.ShouldBe(version);
            (await AskAsync(stream)).ShouldStartWith("HTTP/1.1 200 ");
        }

        // The same opening, once in the oldest version that is allowed: what is refused below is refused for its version alone.
        var accepted = await ClientHello.OfferAsync(_port, 0x0303);
        accepted[0].ShouldBe(ClientHello.Handshake);
        foreach (var old in new ushort[] { 0x0301, 0x0302 })
        {
            var refused = await ClientHello.OfferAsync(_port, old);
            refused.Length.ShouldBe(7, $"{old:X4}");
            (refused[0], refused[6]).ShouldBe((ClientHello.Alert, ClientHello.ProtocolVersion), $"{old:X4}");
        }

        var clear = await ClientHello.SendAsync(_port, "GET /v1/me HTTP/1.1\r\nHost: x\r\n\r\n"u8.ToArray());
        Encoding.Latin1.GetString(clear).ShouldNotContain("HTTP");
        await using var after = await HandshakeAsync(SslProtocols.Tls13, _pem.Root);
        (await AskAsync(after)).ShouldStartWith("HTTP/1.1 200 ");
    }

    [Fact]
    public async Task A_renewed_pair_is_shown_from_the_next_handshake_on_and_a_broken_one_never()
    {
        (await ShownAsync()).ShouldBe("CN=first");
        var renewed = PemFiles.Make("second");
        renewed.Write(CertificateFile, KeyFile);
        (await ShownAsync()).ShouldBe("CN=second");
        await using (var stream = await HandshakeAsync(SslProtocols.Tls13, renewed.Root))
        {
            (await AskAsync(stream)).ShouldStartWith("HTTP/1.1 200 ");
        }

        await File.WriteAllTextAsync(KeyFile, PemFiles.Make("stranger").Key);
        (await ShownAsync()).ShouldBe("CN=second");
        await File.WriteAllTextAsync(CertificateFile, "no certificate");
        (await ShownAsync()).ShouldBe("CN=second");
        File.Delete(CertificateFile);
        (await ShownAsync()).ShouldBe("CN=second");
        await _server.StopAsync();
        (_server.Output() + _server.ErrorOutput()).ShouldContain("The certificate stays as it was");
    }

    private async Task<string> ShownAsync()
    {
        await using var stream = await HandshakeAsync(SslProtocols.Tls13, null);
        return stream.RemoteCertificate!.Subject;
    }

    /// <summary>Trusts one root and knows no intermediate; without a root it trusts whatever is shown.</summary>
    private async Task<SslStream> HandshakeAsync(SslProtocols version, X509Certificate2? root)
    {
        var socket = new TcpClient();
        await socket.ConnectAsync(IPAddress.Loopback, _port);
        var stream = new SslStream(socket.GetStream());
        var policy = new X509ChainPolicy { TrustMode = X509ChainTrustMode.CustomRootTrust, RevocationMode = X509RevocationMode.NoCheck };
        if (root is not null)
        {
            policy.CustomTrustStore.Add(root);
        }

        await stream.AuthenticateAsClientAsync(new SslClientAuthenticationOptions
        {
            TargetHost = "127.0.0.1",
            EnabledSslProtocols = version,
            CertificateChainPolicy = policy,
            RemoteCertificateValidationCallback = root is null ? (_, shown, _, _) => shown is not null : null,
        });
        return stream;
    }

    private async Task<string> AskAsync(SslStream stream)
    {
        var key = _server.Installation.ApiKeys.Live;
        await stream.WriteAsync(Encoding.ASCII.GetBytes(
            $"GET /v1/me HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {key}\r\nConnection: close\r\n\r\n"));
        using var reader = new StreamReader(stream);
        return await reader.ReadToEndAsync();
    }
}

public sealed class TlsSettingsTests
{
    [Theory]
    [InlineData("certificate missing", "CREW_TLS_CERT", "tls.crt")]
    [InlineData("key missing", "CREW_TLS_KEY", "tls.key")]
    [InlineData("no certificate in it", "CREW_TLS_CERT", "tls.crt")]
    [InlineData("no key in it", "CREW_TLS_KEY", "tls.key")]
    [InlineData("key of another certificate", "CREW_TLS_KEY", "tls.key")]
    [InlineData("key with a passphrase", "CREW_TLS_KEY", "tls.key")]
    [InlineData("certificate alone", "CREW_TLS_KEY", "CREW_TLS_CERT")]
    [InlineData("key alone", "CREW_TLS_CERT", "CREW_TLS_KEY")]
    [InlineData("neither", "CREW_TLS_CERT", "https://127.0.0.1:7997")]
    [InlineData("plain HTTP beyond this machine", "CREW_TRUSTED_PROXIES", "http://0.0.0.0:7997")]
    public async Task What_cannot_be_served_is_refused_in_one_line_before_anything_is_made(string fault, string setting, string named)
    {
        using var shell = new Shell();
        shell.Environment["CREW_URLS"] = "https://127.0.0.1:7997";
        Break(shell, fault);
        var command = await shell.RunAsync("serve", "--data", "data");
        command.ExitCode.ShouldBe(1);
        command.Output.ShouldBeEmpty();
        command.Error.TrimEnd().Split('\n').ShouldHaveSingleItem().ShouldStartWith("crew: ");
        command.Error.ShouldContain("(invalid_request)");
        command.Error.ShouldContain(setting);
        command.Error.ShouldContain(named);
        Directory.Exists(shell.At("data")).ShouldBeFalse();
        File.Exists(shell.At("data.key")).ShouldBeFalse();
    }

    private static void Break(Shell shell, string fault)
    {
        var pem = PemFiles.Make("broken");
        var (certificate, key) = (shell.At("tls.crt"), shell.At("tls.key"));
        pem.Write(certificate, key);
        (shell.Environment["CREW_TLS_CERT"], shell.Environment["CREW_TLS_KEY"]) = (certificate, key);
        switch (fault)
        {
            case "certificate missing":
                File.Delete(certificate);
                break;
            case "key missing":
                File.Delete(key);
                break;
            case "no certificate in it":
                File.WriteAllText(certificate, pem.Key);
                break;
            case "no key in it":
                File.WriteAllText(key, pem.Certificate);
                break;
            case "key of another certificate":
                File.WriteAllText(key, PemFiles.Make("stranger").Key);
                break;
            case "key with a passphrase":
                File.WriteAllText(key, PemFiles.Sealed());
                break;
            case "certificate alone":
                shell.Environment.Remove("CREW_TLS_KEY");
                break;
            case "key alone":
                shell.Environment.Remove("CREW_TLS_CERT");
                break;
            case "neither":
                shell.Environment.Remove("CREW_TLS_CERT");
                shell.Environment.Remove("CREW_TLS_KEY");
                break;
            default:
                shell.Environment["CREW_URLS"] = "http://0.0.0.0:7997";
                shell.Environment["CREW_PUBLIC_URL"] = "http://crew.example.com";
                break;
        }
    }
}
