using System.Globalization;
using System.Net;
using System.Text;

namespace Crew.Sealing.Egress;

/// <summary>The proxy did not open a tunnel. Holds its status, never its address or its words.</summary>
public sealed class EgressTunnelException(int status)
    : HttpRequestException(HttpRequestError.ProxyTunnelError, string.Create(CultureInfo.InvariantCulture, $"the outbound proxy answered {status}"))
{
    /// <summary>The status that the proxy answered with; 0 for an answer that is not HTTP.</summary>
    public int Status { get; } = status;
}

/// <summary>Asks a proxy for a tunnel (RFC 9110 section 9.3.6).</summary>
internal static class EgressTunnel
{
    private const int MaximumHeadBytes = 16 * 1024;

    /// <summary>Sends CONNECT on a fresh connection and reads the answer's head. The stream is the tunnel from then on.</summary>
    public static async ValueTask OpenAsync(Stream connection, EgressProxy proxy, string host, int port, CancellationToken cancel)
    {
        var target = IPAddress.TryParse(host, out var literal) && literal.AddressFamily == System.Net.Sockets.AddressFamily.InterNetworkV6
            ? string.Create(CultureInfo.InvariantCulture, $"[{host}]:{port}")
            : string.Create(CultureInfo.InvariantCulture, $"{host}:{port}");
        var credentials = proxy.Authorization is { } value ? $"Proxy-Authorization: {value}\r\n" : "";
        await connection.WriteAsync(Encoding.ASCII.GetBytes($"CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n{credentials}\r\n"), cancel);
        await connection.FlushAsync(cancel);
        var status = StatusOf(await ReadHeadAsync(connection, cancel));
        if (status is < 200 or > 299)
        {
            throw new EgressTunnelException(status);
        }
    }

    /// <summary>
    /// The head, up to its empty line. Nothing may follow it: the other side of a tunnel speaks only after it has been spoken to, so
    /// bytes behind the head would be the proxy's own and would be taken for the server's.
    /// </summary>
    private static async ValueTask<string> ReadHeadAsync(Stream connection, CancellationToken cancel)
    {
        var head = new byte[MaximumHeadBytes];
        var length = 0;
        while (length < head.Length)
        {
            var read = await connection.ReadAsync(head.AsMemory(length), cancel);
            if (read == 0)
            {
                return "";
            }

            length += read;
            var end = head.AsSpan(0, length).IndexOf("\r\n\r\n"u8);
            if (end >= 0)
            {
                var text = Encoding.Latin1.GetString(head, 0, end);
                return end + 4 == length || StatusOf(text) is < 200 or > 299 ? text : "";
            }
        }

        return "";
    }

    private static int StatusOf(string head) =>
        head.Length >= 12 && head.StartsWith("HTTP/1.", StringComparison.Ordinal) && head[8] == ' '
        && int.TryParse(head.AsSpan(9, 3), NumberStyles.None, CultureInfo.InvariantCulture, out var status) ? status : 0;
}
