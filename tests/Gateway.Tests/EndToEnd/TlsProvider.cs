using System.Collections.Concurrent;
using System.Globalization;
using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Https;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Crew.Gateway.Tests.EndToEnd;

/// <summary>A private certificate authority and what it signs.</summary>
internal sealed class PrivateAuthority : IDisposable
{
    private readonly X509Certificate2 _root;

    public PrivateAuthority()
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=Tests' own authority", key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        request.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.KeyCertSign, true));
        _root = request.CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(2));
    }

    public string Pem => _root.ExportCertificatePem();

    /// <summary>A certificate with its key as PEM texts.</summary>
    public (string Certificate, string Key) Sign(string name, string use, params IPAddress[] addresses)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest($"CN={name}", key, HashAlgorithmName.SHA256);
        var names = new SubjectAlternativeNameBuilder();
        names.AddDnsName(name);
        foreach (var address in addresses)
        {
            names.AddIpAddress(address);
        }

        request.CertificateExtensions.Add(names.Build());
        request.CertificateExtensions.Add(new X509EnhancedKeyUsageExtension([new Oid(use)], critical: false));
        using var signed = request.Create(_root, DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(1), RandomNumberGenerator.GetBytes(16));
        return (signed.ExportCertificatePem(), key.ExportPkcs8PrivateKeyPem());
    }

    public void Dispose() => _root.Dispose();
}

/// <summary>A provider behind TLS, with or without HTTP/2, that may demand a client certificate. It answers chat completions.</summary>
internal sealed class TlsProvider : IAsyncDisposable
{
    private readonly WebApplication _app;
    private int _streaming;
    private int _whole;

    private TlsProvider(WebApplication app) => _app = app;

    public int Port { get; private set; }

    /// <summary>The protocol of each request, with the subject of the client's certificate.</summary>
    public ConcurrentQueue<string> Seen { get; } = [];

    /// <summary>Requests that have arrived to the last byte of their body.</summary>
    public int Whole => Volatile.Read(ref _whole);

    /// <summary>Streams that have sent their first chunk and wait for <see cref="Gate"/>.</summary>
    public int Streaming => Volatile.Read(ref _streaming);

    public TaskCompletionSource Gate { get; set; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public static async Task<TlsProvider> StartAsync(PrivateAuthority authority, HttpProtocols protocols, bool demandsCertificate = false, IPAddress? address = null)
    {
        var (certificate, key) = authority.Sign(
            "models.example", "1.3.6.1.5.5.7.3.1", IPAddress.Loopback, IPAddress.IPv6Loopback, IPAddress.Parse("8.8.8.8"));
        using var pair = X509Certificate2.CreateFromPem(certificate, key);
        var shown = X509CertificateLoader.LoadPkcs12(pair.Export(X509ContentType.Pkcs12), null);
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseKestrelHttpsConfiguration();
        builder.WebHost.ConfigureKestrel(kestrel => kestrel.Listen(address ?? IPAddress.Loopback, 0, listen =>
        {
            listen.Protocols = protocols;
            listen.UseHttps(https =>
            {
                https.ServerCertificate = shown;
                https.ClientCertificateMode = demandsCertificate ? ClientCertificateMode.RequireCertificate : ClientCertificateMode.NoCertificate;
                https.ClientCertificateValidation = (client, _, _) => client.Issuer.Contains("own authority", StringComparison.Ordinal);
            });
        }));
        var app = builder.Build();
        var provider = new TlsProvider(app);
        app.MapPost("/v1/chat/completions", provider.AnswerAsync);
        app.MapGet("/v1/models", () => Results.Text("""{"object":"list","data":[]}""", "application/json"));
        await app.StartAsync();
        provider.Port = new Uri(app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.Single()).Port;
        return provider;
    }

    public async ValueTask DisposeAsync()
    {
        Gate.TrySetResult();
        await _app.DisposeAsync();
    }

    private async Task AnswerAsync(HttpContext http)
    {
        Seen.Enqueue(string.Create(CultureInfo.InvariantCulture, $"{http.Request.Protocol} {http.Connection.ClientCertificate?.Subject}"));
        using var reader = new StreamReader(http.Request.Body);
        var body = await reader.ReadToEndAsync();
        Interlocked.Increment(ref _whole);
        if (!body.Contains("\"stream\":true", StringComparison.Ordinal))
        {
            await Results.Text(RawProvider.Good, "application/json").ExecuteAsync(http);
            return;
        }

        http.Response.ContentType = "text/event-stream";
        await SendAsync(http, RawProvider.Chunk(null));
        Interlocked.Increment(ref _streaming);
        await Gate.Task;
        await SendAsync(http, RawProvider.Chunk("stop"));
        await SendAsync(http, """data: {"choices":[],"usage":{"prompt_tokens":5,"completion_tokens":2,"total_tokens":7}}""" + "\n\ndata: [DONE]\n\n");
    }

    private static async Task SendAsync(HttpContext http, string text)
    {
        await http.Response.Body.WriteAsync(Encoding.UTF8.GetBytes(text));
        await http.Response.Body.FlushAsync();
    }
}
