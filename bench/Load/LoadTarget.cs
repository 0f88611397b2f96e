using System.Globalization;
using System.Net;
using System.Text;

namespace Crew.Bench.Load;

/// <summary>Where a load goes and the requests that it repeats, rendered once.</summary>
internal sealed class LoadTarget
{
    private readonly byte[][] _requests;
    private int _sent;

    public LoadTarget(Uri url, string model, string? key, int bodyBytes, bool stream = false, string headers = "")
        : this(url, key, Body(model, bodyBytes, stream), headers)
    {
    }

    /// <param name="url">The endpoint.</param>
    /// <param name="key">Of the caller.</param>
    /// <param name="body">As it is sent.</param>
    /// <param name="headers">Further ones, each with its line end.</param>
    public LoadTarget(Uri url, string? key, byte[] body, string headers)
        : this(url, [Render(url, key, body, headers)])
    {
    }

    /// <summary>One request for each key, in turn.</summary>
    public LoadTarget(Uri url, string model, IReadOnlyList<string> keys, int bodyBytes)
        : this(url, Rendered(url, model, keys, bodyBytes))
    {
    }

    private LoadTarget(Uri url, byte[][] requests) => (EndPoint, _requests) = (new IPEndPoint(IPAddress.Loopback, url.Port), requests);

    public IPEndPoint EndPoint { get; }

    /// <summary>The next request to send.</summary>
    public byte[] Next() => _requests.Length == 1 ? _requests[0] : _requests[(uint)Interlocked.Increment(ref _sent) % _requests.Length];

    private static byte[][] Rendered(Uri url, string model, IReadOnlyList<string> keys, int bytes)
    {
        var body = Body(model, bytes, stream: false);
        return [.. keys.Select(key => Render(url, key, body, ""))];
    }

    private static byte[] Render(Uri url, string? key, byte[] body, string headers)
    {
        var head = new StringBuilder()
            .Append(CultureInfo.InvariantCulture, $"POST {url.AbsolutePath} HTTP/1.1\r\nHost: {url.Authority}\r\n")
            .Append("Accept: application/json\r\nUser-Agent: crew-bench/1\r\nContent-Type: application/json\r\n")
            .Append(headers)
            .Append(CultureInfo.InvariantCulture, $"Authorization: Bearer {key ?? "none"}\r\nContent-Length: {body.Length}\r\n\r\n");
        return [.. Encoding.ASCII.GetBytes(head.ToString()), .. body];
    }

    /// <summary>A chat request of about the wanted size; the words vary so that no layer can gain by their sameness.</summary>
    private static byte[] Body(string model, int bytes, bool stream)
    {
        var opening = $"{{\"model\":\"{model}\",{(stream ? "\"stream\":true," : "")}\"max_tokens\":{(stream ? 100 : 16)},"
            + "\"messages\":[{\"role\":\"system\",\"content\":\"You answer briefly.\"},{\"role\":\"user\",\"content\":\"";
        var words = new StringBuilder(opening);
        for (var number = 0; words.Length < bytes - 4; number++)
        {
            words.Append(CultureInfo.InvariantCulture, $"word{number * 7919 % 10007} ");
        }

        return Encoding.UTF8.GetBytes(words.Append("\"}]}").ToString());
    }
}

/// <summary>What came back for one request. The delay is the provider's own, where its answer names one.</summary>
internal readonly record struct Reply(int Status, long ProviderDelayUs, bool Closes);
