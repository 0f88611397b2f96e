using System.Buffers;
using System.Globalization;
using System.Text;
using System.Text.Json;

namespace Crew.Testing;

/// <summary>Renders answers of the Anthropic dialect: <c>/v1/messages</c>.</summary>
internal static class MockMessages
{
    /// <summary>The signature of a thinking block; a client must give it back as it came.</summary>
    public const string Signature = "c2lnbmF0dXJlIG9mIHRoZSBtb2NrCg==";

    public static byte[] RenderJson(MockBehavior behavior, MockShare share) => Write(json =>
    {
        Open(json, share);
        json.WriteStartArray("content");
        if (behavior.Thinking is { } thought)
        {
            json.WriteStartObject();
            json.WriteString("type", "thinking");
            json.WriteString("thinking", thought);
            json.WriteString("signature", Signature);
            json.WriteEndObject();
        }

        if (behavior.ToolCalls is not { Count: > 0 } || behavior.Text is not null)
        {
            json.WriteStartObject();
            json.WriteString("type", "text");
            json.WriteString("text", behavior.Text ?? Filler(share.CompletionPerChoice));
            json.WriteEndObject();
        }

        for (var call = 0; call < (behavior.ToolCalls?.Count ?? 0); call++)
        {
            OpenTool(json, call, behavior.ToolCalls![call].Name);
            json.WritePropertyName("input");
            json.WriteRawValue(behavior.ToolCalls[call].Arguments);
            json.WriteEndObject();
        }

        json.WriteEndArray();
        json.WriteString("stop_reason", Stop(behavior, share));
        json.WriteNull("stop_sequence");
        if (behavior.Usage != MockUsage.Missing)
        {
            WriteUsage(json, share, share.Completion, behavior.Usage == MockUsage.Zero);
        }

        json.WriteEndObject();
    });

    public static MockFrames RenderFrames(MockBehavior behavior, MockShare share)
    {
        var head = Concat([Event("message_start", json =>
        {
            json.WritePropertyName("message");
            Open(json, share);
            json.WriteStartArray("content");
            json.WriteEndArray();
            json.WriteNull("stop_reason");
            json.WriteNull("stop_sequence");
            if (behavior.Usage != MockUsage.Missing)
            {
                WriteUsage(json, share, 1, behavior.Usage == MockUsage.Zero);
            }

            json.WriteEndObject();
        }), Event("ping", _ => { })]);
        var content = new List<byte[]>();
        var block = 0;
        if (behavior.Thinking is { } thought)
        {
            AddBlock(content, block++, json => WriteText(json, "thinking", ""),
                [("thinking_delta", "thinking", thought), ("signature_delta", "signature", Signature)]);
        }

        if (behavior.ToolCalls is not { Count: > 0 } || behavior.Text is not null)
        {
            AddBlock(content, block++, json => WriteText(json, "text", ""), Pieces(behavior, share).Select(piece => ("text_delta", "text", piece)));
        }

        for (var call = 0; call < (behavior.ToolCalls?.Count ?? 0); call++)
        {
            var (at, arguments) = (call, behavior.ToolCalls![call].Arguments);
            AddBlock(content, block++, json =>
            {
                OpenTool(json, at, behavior.ToolCalls[at].Name);
                json.WriteStartObject("input");
                json.WriteEndObject();
                json.WriteEndObject();
            }, [("input_json_delta", "partial_json", ""), ("input_json_delta", "partial_json", arguments[..(arguments.Length / 2)]),
                ("input_json_delta", "partial_json", arguments[(arguments.Length / 2)..])]);
        }

        var tail = Concat([Event("message_delta", json =>
        {
            json.WriteStartObject("delta");
            json.WriteString("stop_reason", Stop(behavior, share));
            json.WriteNull("stop_sequence");
            json.WriteEndObject();
            if (behavior.Usage != MockUsage.Missing)
            {
                WriteUsage(json, share, share.Completion, behavior.Usage == MockUsage.Zero);
            }
        }), Event("message_stop", _ => { })]);
        return new MockFrames(head, [.. content], tail, Concat([head, .. content, tail]));
    }

    public static byte[] Error(int status, string message) => Write(json =>
    {
        json.WriteStartObject();
        json.WriteString("type", "error");
        json.WriteStartObject("error");
        json.WriteString("type", status switch
        {
            401 => "authentication_error",
            403 => "permission_error",
            404 => "not_found_error",
            429 => "rate_limit_error",
            529 => "overloaded_error",
            >= 500 => "api_error",
            _ => "invalid_request_error",
        });
        json.WriteString("message", message);
        json.WriteEndObject();
        json.WriteString("request_id", "req_mock");
        json.WriteEndObject();
    });

    public static IEnumerable<string> Pieces(MockBehavior behavior, MockShare share)
    {
        var count = (int)Math.Min(behavior.Chunks ?? share.CompletionPerChoice, MockAnswers.MostChunks);
        for (var index = 0; index < count; index++)
        {
            yield return behavior.Text is { } text
                ? text[(int)((long)text.Length * index / count)..(int)((long)text.Length * (index + 1) / count)]
                : "tok ";
        }
    }

    /// <summary>The start of a block joins its first delta and its stop the last one, so that a frame stands for a piece of content.</summary>
    private static void AddBlock(List<byte[]> frames, int index, Action<Utf8JsonWriter> block, IEnumerable<(string Type, string Member, string Text)> deltas)
    {
        var start = Event("content_block_start", json =>
        {
            json.WriteNumber("index", index);
            json.WritePropertyName("content_block");
            block(json);
        });
        var pieces = deltas.Select(delta => Event("content_block_delta", json =>
        {
            json.WriteNumber("index", index);
            json.WriteStartObject("delta");
            json.WriteString("type", delta.Type);
            json.WriteString(delta.Member, delta.Text);
            json.WriteEndObject();
        })).ToList();
        var stop = Event("content_block_stop", json => json.WriteNumber("index", index));
        pieces[0] = Concat([start, pieces[0]]);
        pieces[^1] = Concat([pieces[^1], stop]);
        frames.AddRange(pieces);
    }

    private static void WriteText(Utf8JsonWriter json, string type, string text)
    {
        json.WriteStartObject();
        json.WriteString("type", type);
        json.WriteString(type, text);
        json.WriteEndObject();
    }

    private static void Open(Utf8JsonWriter json, MockShare share)
    {
        json.WriteStartObject();
        json.WriteString("id", "msg_mock");
        json.WriteString("type", "message");
        json.WriteString("role", "assistant");
        json.WriteString("model", share.Model);
    }

    private static void OpenTool(Utf8JsonWriter json, int call, string name)
    {
        json.WriteStartObject();
        json.WriteString("type", "tool_use");
        json.WriteString("id", string.Create(CultureInfo.InvariantCulture, $"toolu_mock_{call}"));
        json.WriteString("name", name);
    }

    private static void WriteUsage(Utf8JsonWriter json, MockShare share, long completion, bool zero)
    {
        var writes = share.CacheWrites + share.LongCacheWrites;
        json.WriteStartObject("usage");
        json.WriteNumber("input_tokens", zero ? 0 : share.Prompt - share.Cached - writes);
        json.WriteNumber("cache_creation_input_tokens", zero ? 0 : writes);
        json.WriteNumber("cache_read_input_tokens", zero ? 0 : share.Cached);
        json.WriteStartObject("cache_creation");
        json.WriteNumber("ephemeral_5m_input_tokens", zero ? 0 : share.CacheWrites);
        json.WriteNumber("ephemeral_1h_input_tokens", zero ? 0 : share.LongCacheWrites);
        json.WriteEndObject();
        json.WriteNumber("output_tokens", zero ? 0 : completion);
        json.WriteString("service_tier", "standard");
        json.WriteEndObject();
    }

    private static string Stop(MockBehavior behavior, MockShare share) =>
        behavior.ToolCalls is { Count: > 0 } ? "tool_use" : share.CompletionPerChoice < behavior.CompletionTokens ? "max_tokens" : "end_turn";

    private static string Filler(long tokens) => new StringBuilder().Insert(0, "tok ", (int)Math.Min(tokens, 1_000_000)).ToString();

    private static byte[] Event(string type, Action<Utf8JsonWriter> members) => Concat([Encoding.ASCII.GetBytes($"event: {type}\ndata: "), Write(json =>
    {
        json.WriteStartObject();
        json.WriteString("type", type);
        members(json);
        json.WriteEndObject();
    }), "\n\n"u8.ToArray()]);

    private static byte[] Concat(IEnumerable<byte[]> parts) => [.. parts.SelectMany(part => part)];

    private static byte[] Write(Action<Utf8JsonWriter> body)
    {
        var buffer = new ArrayBufferWriter<byte>(512);
        using (var json = new Utf8JsonWriter(buffer))
        {
            body(json);
        }

        return buffer.WrittenSpan.ToArray();
    }
}
