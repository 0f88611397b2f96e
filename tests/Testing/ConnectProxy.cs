using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Crew.Testing;

/// <summary>A real forward proxy on this machine: answers CONNECT and joins the tunnel to one port of this machine, whatever was asked for.</summary>
public sealed class ConnectProxy : IAsyncDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly CancellationTokenSource _stop = new();
    private readonly List<Task> _tunnels = [];
    private readonly int _destination;
    private readonly string _answer;
    private readonly Task _accepting;

    public ConnectProxy(int destination, string answer = "HTTP/1.1 200 Connection established\r\nVia: 1.1 proxy\r\n\r\n")
    {
        (_destination, _answer) = (destination, answer);
        _listener.Start();
        _accepting = AcceptAsync();
    }

    /// <summary>The heads of the requests that came.</summary>
    public ConcurrentQueue<string> Asked { get; } = [];

    /// <summary>What every tunnel waits for before it is made.</summary>
    public Task Opening { get; set; } = Task.CompletedTask;

    public int Port => ((IPEndPoint)_listener.LocalEndpoint).Port;

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        _listener.Stop();
        await _accepting;
        await Task.WhenAll(_tunnels);
        _stop.Dispose();
    }

    private async Task AcceptAsync()
    {
        try
        {
            while (true)
            {
                var client = await _listener.AcceptTcpClientAsync(_stop.Token);
                _tunnels.Add(ServeAsync(client));
            }
        }
        catch (Exception ended) when (ended is OperationCanceledException or SocketException)
        {
            // The test is over.
        }
    }

    private async Task ServeAsync(TcpClient client)
    {
        using (client)
        {
            try
            {
                var stream = client.GetStream();
                var head = new StringBuilder();
                var one = new byte[1];
                while (!head.ToString().EndsWith("\r\n\r\n", StringComparison.Ordinal) && await stream.ReadAsync(one, _stop.Token) > 0)
                {
                    head.Append((char)one[0]);
                }

                Asked.Enqueue(head.ToString());
                await Opening.WaitAsync(_stop.Token);
                await stream.WriteAsync(Encoding.ASCII.GetBytes(_answer), _stop.Token);
                if (!_answer.StartsWith("HTTP/1.1 200", StringComparison.Ordinal))
                {
                    return;
                }

                using var server = new TcpClient();
                await server.ConnectAsync(IPAddress.Loopback, _destination, _stop.Token);
                var beyond = server.GetStream();
                await Task.WhenAny(stream.CopyToAsync(beyond, _stop.Token), beyond.CopyToAsync(stream, _stop.Token));
            }
            catch (Exception ended) when (ended is OperationCanceledException or IOException or SocketException)
            {
                // One side left, or the test is over.
            }
        }
    }
}
