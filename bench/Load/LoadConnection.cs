using System.Buffers.Text;
using System.Net.Sockets;

namespace Crew.Bench.Load;

/// <summary>
/// One kept-alive HTTP/1.1 connection that sends prepared bytes and reads answers with as little work as possible, because the
/// load generator shares the machine with what it measures.
/// </summary>
internal sealed class LoadConnection(LoadTarget target) : IDisposable
{
    private const int DelayDigits = 12;

    private readonly byte[] _buffer = new byte[64 * 1024];
    private Socket? _socket;
    private int _start;
    private int _end;
    private long _delayUs;

    private ReadOnlySpan<byte> Unread => _buffer.AsSpan(_start, _end - _start);

    public async ValueTask ConnectAsync()
    {
        if (_socket is not null)
        {
            return;
        }

        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        await socket.ConnectAsync(target.EndPoint);
        (_socket, _start, _end) = (socket, 0, 0);
    }

    /// <summary>Sends the request and reads its whole answer.</summary>
    public async ValueTask<Reply> ExchangeAsync()
    {
        await SendAsync();
        var head = await ReadHeadAsync();
        _delayUs = 0;
        if (head.Length is { } length)
        {
            await SkipAsync(length);
        }
        else if (head.Chunked)
        {
            await ReadChunksAsync(null);
        }

        CloseIf(head.Closes);
        return new Reply(head.Status, _delayUs, head.Closes);
    }

    /// <summary>Sends the request and tells the observer of each event of the stream as it arrives.</summary>
    public async ValueTask<Reply> StreamAsync(Action<int> arrived)
    {
        await SendAsync();
        var head = await ReadHeadAsync();
        if (head.Length is { } length)
        {
            await SkipAsync(length);
        }
        else
        {
            await ReadChunksAsync(arrived);
        }

        CloseIf(head.Closes);
        return new Reply(head.Status, 0, head.Closes);
    }

    /// <summary>Drops the connection; the next exchange needs a new one.</summary>
    public void Dispose()
    {
        _socket?.Dispose();
        _socket = null;
    }

    private void CloseIf(bool closes)
    {
        if (closes)
        {
            Dispose();
        }
    }

    private async ValueTask SendAsync()
    {
        await ConnectAsync();
        var socket = _socket ?? throw new ObjectDisposedException(nameof(LoadConnection));
        var request = target.Next();
        for (var sent = 0; sent < request.Length;)
        {
            sent += await socket.SendAsync(request.AsMemory(sent));
        }
    }

    private async ValueTask<Head> ReadHeadAsync()
    {
        while (true)
        {
            var end = Unread.IndexOf("\r\n\r\n"u8);
            if (end >= 0)
            {
                var head = Head.Parse(Unread[..(end + 2)]);
                _start += end + 4;
                return head;
            }

            await FillAsync();
        }
    }

    private async ValueTask SkipAsync(long bytes)
    {
        while (true)
        {
            var take = (int)Math.Min(bytes, _end - _start);
            SeekDelay(Unread[..take]);
            _start += take;
            bytes -= take;
            if (bytes == 0)
            {
                return;
            }

            await FillAsync();
        }
    }

    private async ValueTask ReadChunksAsync(Action<int>? arrived)
    {
        var chunked = default(ChunkedBody);
        var lineEnded = false;
        while (true)
        {
            var events = 0;
            var done = false;
            while (_start < _end && !done)
            {
                _start += chunked.Take(Unread, out var payload, out done);
                if (arrived is null)
                {
                    SeekDelay(payload);
                }
                else
                {
                    events += CountEvents(payload, ref lineEnded);
                }
            }

            if (events > 0)
            {
                arrived!(events);
            }

            if (done)
            {
                return;
            }

            await FillAsync();
        }
    }

    /// <summary>An event ends at an empty line, which may come in two pieces.</summary>
    private static int CountEvents(ReadOnlySpan<byte> payload, ref bool lineEnded)
    {
        var events = 0;
        foreach (var next in payload)
        {
            if (next == '\n')
            {
                events += lineEnded ? 1 : 0;
                lineEnded = !lineEnded;
            }
            else
            {
                lineEnded &= next == '\r';
            }
        }

        return events;
    }

    private async ValueTask FillAsync()
    {
        if (_start == _end)
        {
            (_start, _end) = (0, 0);
        }
        else if (_end == _buffer.Length)
        {
            Unread.CopyTo(_buffer);
            (_start, _end) = (0, _end - _start);
        }

        var socket = _socket ?? throw new ObjectDisposedException(nameof(LoadConnection));
        var read = await socket.ReceiveAsync(_buffer.AsMemory(_end));
        if (read == 0)
        {
            throw new SocketException((int)SocketError.ConnectionReset);
        }

        _end += read;
    }

    /// <summary>The answers that name a delay are a few hundred bytes and come in one piece, so none is sought across two.</summary>
    private void SeekDelay(ReadOnlySpan<byte> body)
    {
        var at = body.IndexOf("fp_delay_us_"u8);
        if (at >= 0 && body.Length >= at + 12 + DelayDigits && Utf8Parser.TryParse(body.Slice(at + 12, DelayDigits), out long delay, out _))
        {
            _delayUs = delay;
        }
    }

    private readonly record struct Head(int Status, long? Length, bool Chunked, bool Closes)
    {
        public static Head Parse(ReadOnlySpan<byte> head)
        {
            _ = Utf8Parser.TryParse(head[9..], out int status, out _);
            long? length = null;
            var (chunked, closes) = (false, false);
            for (var rest = head[(head.IndexOf((byte)'\n') + 1)..]; !rest.IsEmpty; rest = rest[(rest.IndexOf((byte)'\n') + 1)..])
            {
                if (Starts(rest, "content-length:"u8))
                {
                    length = Utf8Parser.TryParse(rest[15..].TrimStart((byte)' '), out long value, out _) ? value : null;
                }
                else if (Starts(rest, "transfer-encoding:"u8))
                {
                    chunked = true;
                }
                else if (Starts(rest, "connection: close"u8))
                {
                    closes = true;
                }
            }

            return new Head(status, length, chunked, closes);
        }

        private static bool Starts(ReadOnlySpan<byte> line, ReadOnlySpan<byte> lower)
        {
            if (line.Length < lower.Length || (line[0] | 0x20) != lower[0])
            {
                return false;
            }

            for (var at = 1; at < lower.Length; at++)
            {
                if ((lower[at] is >= (byte)'a' and <= (byte)'z' ? line[at] | 0x20 : line[at]) != lower[at])
                {
                    return false;
                }
            }

            return true;
        }
    }
}
