using System.Globalization;
using System.Net;
using System.Text;

namespace Crew.Bench.Load;

/// <summary>Where a load goes and the one request that it repeats, rendered once.</summary>
internal sealed class LoadTarget
{
    public LoadTarget(Uri url, string model, string? key, int bodyBytes, bool stream = false, string headers = "")
        : this(url, key, Body(model, bodyBytes, stream), headers)
    {
    }

    /// <param name="url">The endpoint.</param>
    /// <param name="key">Of the caller.</param>
    /// <param name="body">As it is sent.</param>
    /// <param name="headers">Further ones, each with its line end.</param>
    public LoadTarget(Uri url, string? key, byte[] body, string headers)
    {
        EndPoint = new IPEndPoint(IPAddress.Loopback, url.Port);
        var head = new StringBuilder()
            .Append(CultureInfo.InvariantCulture, $"POST {url.AbsolutePath} HTTP/1.1\r\nHost: {url.Authority}\r\n")
            .Append("Accept: application/json\r\nUser-Agent: crew-bench/1\r\nContent-Type: application/json\r\n")
            .Append(headers)
            .Append(CultureInfo.InvariantCulture, $"Authorization: Bearer {key ?? "none"}\r\nContent-Length: {body.Length}\r\n\r\n");
        Request = [.. Encoding.ASCII.GetBytes(head.ToString()), .. body];
    }

    public IPEndPoint EndPoint { get; }

    public byte[] Request { get; }

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
