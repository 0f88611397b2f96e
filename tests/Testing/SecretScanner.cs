using System.Security.Cryptography;
using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Crew.Testing;

/// <summary>
/// Who finds keys in public, as GitHub does: a real Kestrel on loopback that publishes its P-256 keys in GitHub's document, and signs
/// reports with them.
/// </summary>
public sealed class SecretScanner : IAsyncDisposable
{
    private readonly WebApplication _server;
    private readonly Dictionary<string, ECDsa> _keys = [];
    private int _reads;

    private SecretScanner()
    {
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.WebHost.UseKestrelCore().ConfigureKestrel(kestrel => kestrel.Listen(System.Net.IPAddress.Loopback, 0));
        builder.Services.AddLogging(logging => logging.SetMinimumLevel(LogLevel.None));
        _server = builder.Build();
        _server.Run(AnswerAsync);
        AddKey();
    }

    public Uri KeysUrl { get; private set; } = null!;

    /// <summary>The entry for <c>CREW_EGRESS_ALLOW</c> that lets the product read the keys.</summary>
    public string EgressEntry => $"leak@127.0.0.1:{KeysUrl.Port}";

    /// <summary>How often the document of keys was read.</summary>
    public int Reads => Volatile.Read(ref _reads);

    public static async Task<SecretScanner> StartAsync()
    {
        var scanner = new SecretScanner();
        await scanner._server.StartAsync();
        var address = scanner._server.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.Single();
        scanner.KeysUrl = new Uri(new Uri(address), "/meta/public_keys/secret_scanning");
        return scanner;
    }

    /// <summary>Publishes one more key and returns its id.</summary>
    public string AddKey()
    {
        var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var id = Convert.ToHexStringLower(SHA256.HashData(key.ExportSubjectPublicKeyInfo()));
        lock (_keys)
        {
            _keys.Add(id, key);
        }

        return id;
    }

    /// <summary>A report with the headers that sign it, by the latest key or by the one of an id.</summary>
    public (byte[] Body, (string Name, string Value)[] Headers) Report(IEnumerable<string> tokens, string? keyId = null)
    {
        var body = JsonSerializer.SerializeToUtf8Bytes(tokens.Select(token => new { token, type = "crew_api_key", url = "https://example.com/file", source = "content" }));
        return (body, Sign(body, keyId));
    }

    /// <summary>The headers that sign a body.</summary>
    public (string Name, string Value)[] Sign(byte[] body, string? keyId = null)
    {
        lock (_keys)
        {
            var id = keyId ?? _keys.Keys.Last();
            var signature = _keys[id].SignData(body, HashAlgorithmName.SHA256, DSASignatureFormat.Rfc3279DerSequence);
            return [("Github-Public-Key-Identifier", id), ("Github-Public-Key-Signature", Convert.ToBase64String(signature))];
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _server.DisposeAsync();
        foreach (var key in _keys.Values)
        {
            key.Dispose();
        }
    }

    private async Task AnswerAsync(HttpContext http)
    {
        Interlocked.Increment(ref _reads);
        byte[] document;
        lock (_keys)
        {
            document = JsonSerializer.SerializeToUtf8Bytes(new
            {
                public_keys = _keys.Select(k => new { key_identifier = k.Key, key = k.Value.ExportSubjectPublicKeyInfoPem(), is_current = true }),
            });
        }

        http.Response.ContentType = "application/json";
        await http.Response.Body.WriteAsync(document);
    }
}
