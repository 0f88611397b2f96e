using System.Collections.Concurrent;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace Crew.Testing;

/// <summary>A web server of this machine that receives webhooks, answers 200, and gives challenges back.</summary>
public sealed class HookReceiver : IAsyncDisposable
{
    private readonly WebApplication _app;
    private readonly ConcurrentQueue<(string Path, string Body)> _received = new();

    private HookReceiver(WebApplication app) => _app = app;

    public Uri Url => new(_app.Urls.First());

    public int Port => Url.Port;

    /// <summary>Bodies that came to a path.</summary>
    public IReadOnlyList<string> At(string path) => [.. _received.Where(r => r.Path == path).Select(r => r.Body)];

    public static async Task<HookReceiver> StartAsync()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        var receiver = new HookReceiver(builder.Build());
        receiver._app.Run(async http =>
        {
            using var reader = new StreamReader(http.Request.Body);
            var body = await reader.ReadToEndAsync();
            receiver._received.Enqueue((http.Request.Path, body));
            await http.Response.WriteAsync(http.Request.Headers["X-Crew-Event"] == "webhook.challenge" ? body : "thanks");
        });
        await receiver._app.StartAsync();
        return receiver;
    }

    public ValueTask DisposeAsync() => _app.DisposeAsync();
}
