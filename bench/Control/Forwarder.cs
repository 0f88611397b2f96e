using System.IO.Pipelines;
using System.Net;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Crew.Bench.Control;

/// <summary>
/// The control: the same Kestrel and the same SocketsHttpHandler as the product, forwarding bytes and nothing else. It is meant
/// to be a strong opponent, so it does no routing, no logging, no buffering, and copies only what HTTP requires.
/// </summary>
internal sealed class Forwarder : IAsyncDisposable
{
    private const int CopyBytes = 16 * 1024;

    private readonly WebApplication _server;
    private readonly Uri _upstream;
    private readonly HttpMessageInvoker _client = new(new SocketsHttpHandler
    {
        UseProxy = false,
        UseCookies = false,
        AllowAutoRedirect = false,
        AutomaticDecompression = DecompressionMethods.None,
        ActivityHeadersPropagator = null,
        MaxConnectionsPerServer = int.MaxValue,
        PooledConnectionIdleTimeout = TimeSpan.FromMinutes(5),
    });

    private Forwarder(Uri upstream, int port)
    {
        _upstream = upstream;
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.WebHost.UseKestrelCore().ConfigureKestrel(kestrel =>
        {
            kestrel.AddServerHeader = false;
            kestrel.Limits.MaxRequestBodySize = 32 << 20;
            kestrel.Listen(IPAddress.Loopback, port);
        });
        builder.Services.AddLogging(logging => logging.SetMinimumLevel(LogLevel.None));
        _server = builder.Build();
        _server.Run(ForwardAsync);
    }

    private int Port => new Uri(_server.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!
        .Addresses.Single()).Port;

    public static async Task<int> MainAsync(Arguments arguments)
    {
        await using var forwarder = new Forwarder(new Uri(arguments.Required("upstream")), arguments.Number("port", 0));
        await forwarder._server.StartAsync();
        await ChildLife.ListenAsync(forwarder.Port, arguments);
        return 0;
    }

    public async ValueTask DisposeAsync()
    {
        await _server.DisposeAsync();
        _client.Dispose();
    }

    private async Task ForwardAsync(HttpContext context)
    {
        using var request = Request(context);
        using var answer = await _client.SendAsync(request, context.RequestAborted);
        context.Response.StatusCode = (int)answer.StatusCode;
        foreach (var header in answer.Headers.NonValidated)
        {
            if (!IsOfConnection(header.Key))
            {
                context.Response.Headers.Append(header.Key, header.Value.ToString());
            }
        }

        foreach (var header in answer.Content.Headers.NonValidated)
        {
            context.Response.Headers.Append(header.Key, header.Value.ToString());
        }

        var body = await answer.Content.ReadAsStreamAsync(context.RequestAborted);
        await CopyAsync(body, context.Response.BodyWriter, context.RequestAborted);
    }

    private HttpRequestMessage Request(HttpContext context)
    {
        var incoming = context.Request;
        var request = new HttpRequestMessage(new HttpMethod(incoming.Method), new Uri(_upstream, incoming.Path + incoming.QueryString))
        {
            Version = HttpVersion.Version11,
        };
        if (incoming.ContentLength is not 0 && !HttpMethods.IsGet(incoming.Method))
        {
            request.Content = new PipeContent(incoming.BodyReader, incoming.ContentLength);
        }

        foreach (var (name, value) in incoming.Headers)
        {
            if (!IsOfConnection(name) && !name.Equals("Host", StringComparison.OrdinalIgnoreCase)
                && !request.Headers.TryAddWithoutValidation(name, (string?)value))
            {
                request.Content?.Headers.TryAddWithoutValidation(name, (string?)value);
            }
        }

        return request;
    }

    private static bool IsOfConnection(string header) =>
        header.Equals("Connection", StringComparison.OrdinalIgnoreCase)
        || header.Equals("Transfer-Encoding", StringComparison.OrdinalIgnoreCase)
        || header.Equals("Keep-Alive", StringComparison.OrdinalIgnoreCase);

    /// <summary>Hands on what has come, as it comes: one flush for each read, so that an event is never held back.</summary>
    private static async Task CopyAsync(Stream source, PipeWriter target, CancellationToken cancellation)
    {
        while (true)
        {
            var read = await source.ReadAsync(target.GetMemory(CopyBytes), cancellation);
            if (read == 0)
            {
                return;
            }

            target.Advance(read);
            await target.FlushAsync(cancellation);
        }
    }

    private sealed class PipeContent(PipeReader body, long? length) : HttpContent
    {
        protected override Task SerializeToStreamAsync(Stream stream, TransportContext? context) =>
            SerializeToStreamAsync(stream, context, CancellationToken.None);

        protected override async Task SerializeToStreamAsync(Stream stream, TransportContext? context, CancellationToken cancellationToken)
        {
            await body.CopyToAsync(stream, cancellationToken);
            await stream.FlushAsync(cancellationToken);
        }

        protected override bool TryComputeLength(out long result)
        {
            result = length ?? 0;
            return length is not null;
        }
    }
}
