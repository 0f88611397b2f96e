namespace Crew.Gateway.Forwarding;

/// <summary>What the scanner does with a frame.</summary>
internal enum FrameFate
{
    /// <summary>Goes to the client at once.</summary>
    Pass,

    /// <summary>Belongs to the end of the stream and waits for the settlement.</summary>
    Hold,

    /// <summary>Changes nothing for the client (a comment); goes wherever the frame before it went.</summary>
    Follow,

    /// <summary>Exists only because we asked for it; the client never sees it.</summary>
    Strip,
}

/// <summary>Takes an event of a <c>text/event-stream</c> apart (WHATWG HTML, section 9.2.6).</summary>
internal static class SseFrame
{
    /// <summary>
    /// The event's data. One <c>data</c> line gives a slice of the frame; several are joined by line feeds in <paramref name="joint"/>.
    /// </summary>
    /// <returns>False where the frame has no data, as comments and pings.</returns>
    public static bool TryGetData(ReadOnlySpan<byte> frame, ByteStore joint, out ReadOnlySpan<byte> data, out bool isErrorEvent)
    {
        data = [];
        isErrorEvent = false;
        var lines = 0;
        while (!frame.IsEmpty)
        {
            var end = frame.IndexOfAny((byte)'\n', (byte)'\r');
            var line = end < 0 ? frame : frame[..end];
            frame = end < 0 ? [] : frame[(end + 1)..];
            if (TryGetValue(line, "data"u8, out var value))
            {
                Join(joint, lines++, value, ref data);
            }
            else if (TryGetValue(line, "event"u8, out var name))
            {
                isErrorEvent = name.SequenceEqual("error"u8);
            }
        }

        return lines > 0;
    }

    private static void Join(ByteStore joint, int lines, ReadOnlySpan<byte> value, ref ReadOnlySpan<byte> data)
    {
        if (lines == 0)
        {
            data = value;
            return;
        }

        if (lines == 1)
        {
            joint.Clear();
            joint.Append(data);
        }

        joint.Append("\n"u8);
        joint.Append(value);
        data = joint.Span;
    }

    private static bool TryGetValue(ReadOnlySpan<byte> line, ReadOnlySpan<byte> field, out ReadOnlySpan<byte> value)
    {
        value = [];
        if (!line.StartsWith(field) || (line.Length > field.Length && line[field.Length] != ':'))
        {
            return false;
        }

        value = line.Length > field.Length ? line[(field.Length + 1)..] : [];
        value = value is [(byte)' ', ..] ? value[1..] : value;
        return true;
    }
}
