using System.Buffers;
using System.Globalization;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace Crew.Gateway.Sandbox;

/// <summary>Says a reply in the forms of the Anthropic dialect.</summary>
internal sealed class MessageVoice(SandboxReply reply, string id) : SandboxVoice
{
    private static readonly JsonWriterOptions Options = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    private readonly ArrayBufferWriter<byte> _buffer = new(512);
    private int _block = -1;
    private int? _tool;

    private bool CountsUsage => reply.Script.Usage == "full";

    private string StopReason => reply.FinishReason switch
    {
        "length" => "max_tokens",
        "tool_calls" => "tool_use",
        _ => "end_turn",
    };

    public override ReadOnlyMemory<byte> Whole()
    {
        using (var json = new Utf8JsonWriter(_buffer, Options))
        {
            OpenMessage(json);
            json.WriteStartArray("content"u8);
            var text = string.Concat(reply.Tokens.Where(static t => t.Tool is null).Select(static t => t.Text));
            if (reply.HasText)
            {
                json.WriteStartObject();
                json.WriteString("type"u8, "text"u8);
                json.WriteString("text"u8, text);
                json.WriteEndObject();
            }

            foreach (var call in reply.Tokens.Where(static t => t.Tool is not null).GroupBy(static t => t.Tool!.Value))
            {
                OpenTool(json, call.Key, call.First().Text);
                json.WritePropertyName("input"u8);
                json.WriteRawValue(Arguments(call.Skip(1)));
                json.WriteEndObject();
            }

            json.WriteEndArray();
            json.WriteString("stop_reason"u8, StopReason);
            json.WriteNull("stop_sequence"u8);
            WriteUsage(json, reply.CompletionTokens);
            json.WriteEndObject();
        }

        return _buffer.WrittenMemory;
    }

    public override IEnumerable<byte[]> Opening()
    {
        yield return Event("message_start", json =>
        {
            json.WritePropertyName("message"u8);
            OpenMessage(json);
            json.WriteStartArray("content"u8);
            json.WriteEndArray();
            json.WriteNull("stop_reason"u8);
            json.WriteNull("stop_sequence"u8);
            WriteUsage(json, Math.Min(1, reply.CompletionTokens));
            json.WriteEndObject();
        });
        yield return Event("ping", static _ => { });
    }

    public override byte[] Token(int choice, int token)
    {
        var (text, tool, opens) = reply.Tokens[token];
        var begins = _block < 0 || opens || tool != _tool;
        var head = !begins ? [] : _block < 0 ? Begin(tool, text) : [.. End(), .. Begin(tool, text)];
        return opens ? head : [.. head, .. Delta(text, tool is not null)];
    }

    public override IEnumerable<byte[]> Closing()
    {
        if (_block >= 0)
        {
            yield return End();
        }

        yield return Event("message_delta", json =>
        {
            json.WriteStartObject("delta"u8);
            json.WriteString("stop_reason"u8, StopReason);
            json.WriteNull("stop_sequence"u8);
            json.WriteEndObject();
            WriteUsage(json, reply.CompletionTokens);
        });
        yield return Event("message_stop", static _ => { });
    }

    /// <summary>The arguments as an object; an output cap may have cut them in the middle.</summary>
    private static string Arguments(IEnumerable<SandboxToken> tokens)
    {
        var text = string.Concat(tokens.Select(static t => t.Text));
        try
        {
            using var whole = JsonDocument.Parse(text);
            return text;
        }
        catch (JsonException)
        {
            return "{}";
        }
    }

    private byte[] Begin(int? tool, string text)
    {
        (_block, _tool) = (_block + 1, tool);
        return Event("content_block_start", json =>
        {
            json.WriteNumber("index"u8, _block);
            json.WritePropertyName("content_block"u8);
            if (tool is { } index)
            {
                OpenTool(json, index, text);
                json.WriteStartObject("input"u8);
                json.WriteEndObject();
            }
            else
            {
                json.WriteStartObject();
                json.WriteString("type"u8, "text"u8);
                json.WriteString("text"u8, ""u8);
            }

            json.WriteEndObject();
        });
    }

    private byte[] End() => Event("content_block_stop", json => json.WriteNumber("index"u8, _block));

    private byte[] Delta(string text, bool isArguments) => Event("content_block_delta", json =>
    {
        json.WriteNumber("index"u8, _block);
        json.WriteStartObject("delta"u8);
        json.WriteString("type"u8, isArguments ? "input_json_delta"u8 : "text_delta"u8);
        json.WriteString(isArguments ? "partial_json"u8 : "text"u8, text);
        json.WriteEndObject();
    });

    private byte[] Event(string type, Action<Utf8JsonWriter> members)
    {
        _buffer.ResetWrittenCount();
        _buffer.Write("event: "u8);
        _buffer.Write(System.Text.Encoding.ASCII.GetBytes(type));
        _buffer.Write("\ndata: "u8);
        using (var json = new Utf8JsonWriter(_buffer, Options))
        {
            json.WriteStartObject();
            json.WriteString("type"u8, type);
            members(json);
            json.WriteEndObject();
        }

        _buffer.Write("\n\n"u8);
        return _buffer.WrittenSpan.ToArray();
    }

    private void OpenMessage(Utf8JsonWriter json)
    {
        json.WriteStartObject();
        json.WriteString("id"u8, id);
        json.WriteString("type"u8, "message"u8);
        json.WriteString("role"u8, "assistant"u8);
        json.WriteString("model"u8, reply.Request.Model);
    }

    private void OpenTool(Utf8JsonWriter json, int index, string name)
    {
        json.WriteStartObject();
        json.WriteString("type"u8, "tool_use"u8);
        json.WriteString("id"u8, string.Create(CultureInfo.InvariantCulture, $"toolu_{id.AsSpan(id.Length - 12)}{index:x2}"));
        json.WriteString("name"u8, name);
    }

    private void WriteUsage(Utf8JsonWriter json, int output)
    {
        if (reply.Script.Usage == "none")
        {
            return;
        }

        json.WriteStartObject("usage"u8);
        json.WriteNumber("input_tokens"u8, CountsUsage ? reply.Request.PromptTokens - reply.CachedTokens : 0);
        json.WriteNumber("cache_creation_input_tokens"u8, 0);
        json.WriteNumber("cache_read_input_tokens"u8, CountsUsage ? reply.CachedTokens : 0);
        json.WriteNumber("output_tokens"u8, CountsUsage ? output : 0);
        json.WriteString("service_tier"u8, "standard"u8);
        json.WriteEndObject();
    }
}
