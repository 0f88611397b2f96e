using System.Collections.Concurrent;
using System.Net;
using System.Text;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Crew.Gateway.Tests.EndToEnd;

/// <summary>What a provider got of one call.</summary>
internal sealed record SeenCall(string PathAndQuery, string? ContentType, string? ApiKey, string? Authorization, byte[] Body)
{
    public string Text => Encoding.UTF8.GetString(Body);
}

/// <summary>A provider of any path: it keeps what came and answers as the test says.</summary>
internal sealed class StubProvider : IAsyncDisposable
{
    private readonly WebApplication _app;

    private StubProvider(WebApplication app) => _app = app;

    public int Port { get; private set; }

    public ConcurrentQueue<SeenCall> Seen { get; } = [];

    public Func<HttpContext, Task> Answer { get; set; } = http => Results.Text(RawProvider.Good, "application/json").ExecuteAsync(http);

    public static async Task<StubProvider> StartAsync()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, 0));
        var app = builder.Build();
        var stub = new StubProvider(app);
        app.Run(stub.HandleAsync);
        await app.StartAsync();
        stub.Port = new Uri(app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.Single()).Port;
        return stub;
    }

    public ValueTask DisposeAsync() => _app.DisposeAsync();

    private async Task HandleAsync(HttpContext http)
    {
        using var body = new MemoryStream();
        await http.Request.Body.CopyToAsync(body);
        Seen.Enqueue(new SeenCall(http.Request.Path + http.Request.QueryString, http.Request.ContentType, http.Request.Headers["api-key"],
            http.Request.Headers.Authorization, body.ToArray()));
        await Answer(http);
    }
}
