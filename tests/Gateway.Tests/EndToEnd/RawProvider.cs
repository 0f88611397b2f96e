using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Crew.Gateway.Tests.EndToEnd;

/// <summary>Answers every request with the bytes that a test chose, and closes the connection.</summary>
internal sealed class RawProvider : IAsyncDisposable
{
    public const string Good = """
        {"id":"c","object":"chat.completion","choices":[{"index":0,"message":{"role":"assistant","content":"Hi"},"finish_reason":"stop"}],
        "usage":{"prompt_tokens":5,"completion_tokens":1,"total_tokens":6}}
        """;

    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly CancellationTokenSource _stop = new();
    private readonly Task _serving;

    public RawProvider()
    {
        _listener.Start();
        _serving = ServeAsync();
    }

    public int Port => ((IPEndPoint)_listener.LocalEndpoint).Port;

    public Uri BaseUrl => new($"http://127.0.0.1:{Port}/v1");

    public byte[] Answer { get; set; } = [];

    public static byte[] Json(int status, string body, string header = "x: y") => Http(status, "application/json", body, header);

    public static byte[] Stream(string events, string header = "x: y") => Http(200, "text/event-stream", events, header);

    public static string Chunk(string? finish) =>
        $$"""data: {"choices":[{"index":0,"delta":{"content":"Hi"},"finish_reason":{{(finish is null ? "null" : $"\"{finish}\"")}}}]}""" + "\n\n";

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        _listener.Stop();
        await _serving;
        _stop.Dispose();
    }

    private static byte[] Http(int status, string type, string body, string header) => Encoding.UTF8.GetBytes(
        $"HTTP/1.1 {status} Said\r\nContent-Type: {type}\r\nConnection: close\r\n{header}\r\n\r\n{body}");

    private async Task ServeAsync()
    {
        try
        {
            while (true)
            {
                using var socket = await _listener.AcceptSocketAsync(_stop.Token);
                await AnswerAsync(socket);
            }
        }
        catch (Exception ended) when (ended is OperationCanceledException or SocketException)
        {
            // The test is over.
        }
    }

    private async Task AnswerAsync(Socket socket)
    {
        try
        {
            var taken = new byte[65_536];
            var text = "";
            while (!text.EndsWith('}'))
            {
                text += Encoding.Latin1.GetString(taken, 0, await socket.ReceiveAsync(taken, _stop.Token));
            }

            await socket.SendAsync(Answer, _stop.Token);
            socket.Shutdown(SocketShutdown.Both);
        }
        catch (SocketException)
        {
            // The gateway has read enough of it.
        }
    }
}
