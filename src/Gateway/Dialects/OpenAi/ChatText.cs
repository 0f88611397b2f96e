using System.Text.Json;

namespace Crew.Gateway.Dialects.OpenAi;

/// <summary>Quick looks into chunks and answers: how much text there is and why it ended. The text itself is never taken out.</summary>
internal static class ChatText
{
    /// <summary>Whether the quoted <paramref name="name"/> stands as a member whose value is not null.</summary>
    public static bool HasValue(ReadOnlySpan<byte> data, ReadOnlySpan<byte> name)
    {
        while (data.IndexOf(name) is var at and >= 0)
        {
            data = data[(at + name.Length)..];
            if (TryEnterValue(ref data) && !data.StartsWith("null"u8))
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>The last finish reason that is not null: a word of the dialect, or <c>other</c> for a provider's own.</summary>
    public static string? FinishReason(ReadOnlySpan<byte> data)
    {
        string? reason = null;
        while (data.IndexOf("\"finish_reason\""u8) is var at and >= 0)
        {
            data = data[(at + "\"finish_reason\""u8.Length)..];
            if (TryEnterValue(ref data) && data is [(byte)'"', ..])
            {
                reason = Word(data[1..]);
            }
        }

        return reason;
    }

    /// <summary>UTF-8 bytes of text in all <c>delta</c> members: content, reasoning, refusals, names and arguments of calls.</summary>
    public static long OfDeltas(ReadOnlySpan<byte> data)
    {
        var bytes = 0L;
        while (data.IndexOf("\"delta\""u8) is var at and >= 0)
        {
            data = data[(at + "\"delta\""u8.Length)..];
            if (TryEnterValue(ref data) && data is [(byte)'{', ..])
            {
                var reader = new Utf8JsonReader(data);
                try
                {
                    reader.Read();
                    bytes += OfMessage(ref reader);
                }
                catch (JsonException)
                {
                    // A cut or broken chunk counts for what could be read of it. Its rest is not tried: a chunk that breaks a hundred
                    // thousand times would cost seconds.
                    return bytes;
                }
            }
        }

        return bytes;
    }

    /// <summary>Bytes of text in the <c>message</c>, <c>delta</c> or <c>content</c> that the reader stands on; the reader goes to its end.</summary>
    public static long OfMessage(ref Utf8JsonReader reader)
    {
        if (reader.TokenType is not (JsonTokenType.StartObject or JsonTokenType.StartArray))
        {
            reader.Skip();
            return 0;
        }

        var (bytes, depth, counts) = (0L, reader.CurrentDepth, true);
        while (reader.Read() && reader.CurrentDepth > depth)
        {
            if (reader.TokenType == JsonTokenType.PropertyName)
            {
                counts = true;
                if (IsNoText(ref reader))
                {
                    reader.Read();
                    reader.Skip();
                }
            }
            else if (reader.TokenType == JsonTokenType.String && counts)
            {
                bytes += TextBytes(ref reader);
            }
        }

        return bytes;
    }

    private static bool IsNoText(ref Utf8JsonReader reader) => !reader.ValueIsEscaped
        && (reader.ValueTextEquals("role"u8) || reader.ValueTextEquals("id"u8) || reader.ValueTextEquals("type"u8)
            || reader.ValueTextEquals("obfuscation"u8) || reader.ValueTextEquals("reasoning_details"u8)
            || reader.ValueTextEquals("annotations"u8) || reader.ValueTextEquals("audio"u8) || reader.ValueTextEquals("signature"u8)
            || reader.ValueTextEquals("citations"u8) || reader.ValueTextEquals("encrypted_content"u8)
            || reader.ValueTextEquals("call_id"u8) || reader.ValueTextEquals("status"u8));

    /// <summary>UTF-8 bytes of the string that the reader stands on, at the least.</summary>
    public static long TextBytes(ref Utf8JsonReader reader)
    {
        if (reader.HasValueSequence)
        {
            return reader.ValueSequence.Length;
        }

        var raw = reader.ValueSpan;
        long bytes = raw.Length;
        while (reader.ValueIsEscaped && raw.IndexOf((byte)'\\') is var at and >= 0)
        {
            // An escape stands for at least one byte of text, and counts as one, so that the sum stays a floor.
            var escape = raw[at + 1] == 'u' ? 6 : 2;
            bytes -= escape - 1;
            raw = raw[(at + escape)..];
        }

        return bytes;
    }

    private static bool TryEnterValue(ref ReadOnlySpan<byte> data)
    {
        data = data.TrimStart(" \t\r\n"u8);
        if (data is not [(byte)':', ..])
        {
            return false;
        }

        data = data[1..].TrimStart(" \t\r\n"u8);
        return true;
    }

    /// <summary>The finish reason that the reader stands on, as <see cref="FinishReason"/> gives it.</summary>
    public static string? Word(ref Utf8JsonReader reader)
    {
        if (reader.TokenType != JsonTokenType.String)
        {
            reader.Skip();
            return null;
        }

        if (reader.ValueIsEscaped)
        {
            return "other";
        }

        return reader.ValueTextEquals("stop"u8) ? "stop"
            : reader.ValueTextEquals("length"u8) ? "length"
            : reader.ValueTextEquals("tool_calls"u8) ? "tool_calls"
            : reader.ValueTextEquals("content_filter"u8) ? "content_filter"
            : reader.ValueTextEquals("function_call"u8) ? "function_call"
            : "other";
    }

    private static string Word(ReadOnlySpan<byte> value) =>
        value.StartsWith("stop\""u8) ? "stop"
        : value.StartsWith("length\""u8) ? "length"
        : value.StartsWith("tool_calls\""u8) ? "tool_calls"
        : value.StartsWith("content_filter\""u8) ? "content_filter"
        : value.StartsWith("function_call\""u8) ? "function_call"
        : "other";
}
