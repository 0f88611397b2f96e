using System.Collections.Concurrent;
using System.Net;
using System.Text;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace Crew.Testing;

/// <summary>A real collector of traces on this machine: takes OTLP over HTTP and keeps every byte.</summary>
public sealed class OtlpCollector : IAsyncDisposable
{
    private readonly WebApplication _app;

    private OtlpCollector(WebApplication app) => _app = app;

    /// <summary>Path and body of what came.</summary>
    public ConcurrentQueue<(string Path, byte[] Body)> Received { get; } = [];

    /// <summary>What sends a server's traces here.</summary>
    public IEnumerable<KeyValuePair<string, string?>> Environment =>
    [
        new("OTEL_EXPORTER_OTLP_ENDPOINT", _app.Urls.First()), new("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf"),
        new("OTEL_BSP_SCHEDULE_DELAY", "200"),
    ];

    /// <summary>The names and values within the bodies; protobuf writes them as they are.</summary>
    public string Text => string.Join('\n', Received.Select(r => Encoding.UTF8.GetString(r.Body)));

    public static async Task<OtlpCollector> StartAsync()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, 0));
        var app = builder.Build();
        var collector = new OtlpCollector(app);
        app.Run(collector.TakeAsync);
        await app.StartAsync();
        return collector;
    }

    public ValueTask DisposeAsync() => _app.DisposeAsync();

    private async Task TakeAsync(HttpContext http)
    {
        using var body = new MemoryStream();
        await http.Request.Body.CopyToAsync(body);
        Received.Enqueue((http.Request.Path, body.ToArray()));
        http.Response.ContentType = "application/x-protobuf";
    }
}
