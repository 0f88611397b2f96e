using System.Net;
using System.Net.Sockets;
using System.Text;
using Npgsql;

namespace Crew.Host.Tests;

/// <summary>
/// A wire to PostgreSQL that breaks at the worst moment: the COMMIT of a transaction with a given statement reaches the server, its
/// answer never comes back, and nobody gets through any more.
/// </summary>
internal sealed class CutWire : IAsyncDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly CancellationTokenSource _cut = new();
    private readonly IPEndPoint _server;
    private readonly string _statement;
    private readonly Task _accepting;

    public CutWire(string database, string statement)
    {
        var settings = new NpgsqlConnectionStringBuilder(database);
        (_server, _statement) = (new IPEndPoint(IPAddress.Loopback, settings.Port), statement);
        _listener.Start();
        (settings.Host, settings.Port) = ("127.0.0.1", ((IPEndPoint)_listener.LocalEndpoint).Port);
        Database = settings.ConnectionString;
        _accepting = AcceptAsync();
    }

    /// <summary>The connection string that leads through the wire.</summary>
    public string Database { get; }

    public bool IsCut => _cut.IsCancellationRequested;

    public async ValueTask DisposeAsync()
    {
        await _cut.CancelAsync();
        _listener.Stop();
        await _accepting;
        _cut.Dispose();
    }

    private async Task AcceptAsync()
    {
        var pairs = new List<Task>();
        try
        {
            while (true)
            {
                var client = await _listener.AcceptTcpClientAsync(_cut.Token);
                pairs.Add(JoinAsync(client));
            }
        }
        catch (Exception over) when (over is OperationCanceledException or SocketException)
        {
            _listener.Stop();
        }

        await Task.WhenAll(pairs);
    }

    private async Task JoinAsync(TcpClient client)
    {
        using var server = new TcpClient();
        using (client)
        {
            try
            {
                await server.ConnectAsync(_server, _cut.Token);
                var requests = RequestsAsync(client.GetStream(), server.GetStream());
                await Task.WhenAny(requests, server.GetStream().CopyToAsync(client.GetStream(), _cut.Token));
                if (IsCut)
                {
                    await requests;
                }
            }
            catch (Exception over) when (over is OperationCanceledException or SocketException or IOException)
            {
                // Either side has gone; so does the other.
            }
        }
    }

    private async Task RequestsAsync(NetworkStream client, NetworkStream server)
    {
        var bytes = new byte[64 * 1024];
        var isIt = false;
        for (var length = 1; length > 0;)
        {
            length = await client.ReadAsync(bytes, _cut.Token);
            var text = Encoding.ASCII.GetString(bytes, 0, length);
            isIt |= text.Contains(_statement, StringComparison.Ordinal);
            var commits = isIt && text.Contains("COMMIT", StringComparison.Ordinal);
            if (commits)
            {
                // Nothing flows back from here on, while the server does what it was told.
                await _cut.CancelAsync();
            }

            await server.WriteAsync(bytes.AsMemory(0, length), CancellationToken.None);
            if (commits)
            {
                _ = await server.ReadAsync(bytes, CancellationToken.None);
                return;
            }
        }
    }
}
