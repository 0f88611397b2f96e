using System.Collections.Concurrent;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.Logging;

namespace Crew.Webhooks.Tests;

/// <summary>A request that a receiver got.</summary>
internal sealed record Received(string Path, string Body, IReadOnlyDictionary<string, string> Headers, DateTimeOffset At)
{
    public string EventId => Headers["webhook-id"];

    public string DeliveryId => Headers["X-Crew-Delivery"];
}

/// <summary>A web server of this machine that receives webhooks and answers as the test says.</summary>
internal sealed class Receiver : IAsyncDisposable
{
    private readonly WebApplication _app;
    private readonly ConcurrentQueue<Received> _received = new();

    private Receiver(WebApplication app) => _app = app;

    public IReadOnlyList<Received> All => [.. _received];

    public Uri Url => new(_app.Urls.First());

    /// <summary>The answer; 200 without a body at first.</summary>
    public Func<HttpContext, Received, Task> Answer { get; set; } = static (_, _) => Task.CompletedTask;

    public static async Task<Receiver> StartAsync(TimeProvider clock)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        var receiver = new Receiver(builder.Build());
        receiver._app.Run(async http =>
        {
            using var reader = new StreamReader(http.Request.Body);
            var got = new Received(http.Request.Path, await reader.ReadToEndAsync(),
                http.Request.Headers.ToDictionary(h => h.Key, h => h.Value.ToString(), StringComparer.OrdinalIgnoreCase), clock.GetUtcNow());
            receiver._received.Enqueue(got);
            await receiver.Answer(http, got);
        });
        await receiver._app.StartAsync();
        return receiver;
    }

    public void Answers(int status) => Answer = (http, _) =>
    {
        http.Response.StatusCode = status;
        return Task.CompletedTask;
    };

    public async Task<IReadOnlyList<Received>> WaitAsync(int count, int seconds = 20)
    {
        for (var waited = 0; _received.Count < count; waited += 10)
        {
            if (waited > seconds * 1_000)
            {
                throw new TimeoutException($"{_received.Count} of {count} requests came.");
            }

            await Task.Delay(10);
        }

        return All;
    }

    public ValueTask DisposeAsync() => _app.DisposeAsync();
}
