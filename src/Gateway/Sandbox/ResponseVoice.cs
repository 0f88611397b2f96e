using System.Buffers;
using System.Globalization;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using Crew.Gateway.Dialects.OpenAi;
using Crew.Kernel;

namespace Crew.Gateway.Sandbox;

/// <summary>Says a reply as a response of the OpenAI dialect: a message first, then one item for each call of a tool.</summary>
internal sealed class ResponseVoice(SandboxReply reply, string id, long createdSeconds) : SandboxVoice
{
    private static readonly JsonWriterOptions Options = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    private readonly ArrayBufferWriter<byte> _buffer = new(512);
    private readonly List<Item> _items = [];
    private int _sequence;

    private sealed record Item(int? Tool, string Name)
    {
        public StringBuilder Text { get; } = new();
    }

    public override ReadOnlyMemory<byte> Whole()
    {
        foreach (var token in reply.Tokens)
        {
            Take(token);
        }

        using (var json = new Utf8JsonWriter(_buffer, Options))
        {
            WriteResponse(json, isOver: true);
        }

        return _buffer.WrittenMemory;
    }

    public override IEnumerable<byte[]> Opening()
    {
        foreach (var type in new[] { "response.created", "response.in_progress" })
        {
            yield return Event(type, json =>
            {
                json.WritePropertyName("response"u8);
                WriteResponse(json, isOver: false);
            });
        }
    }

    public override byte[] Token(int choice, int token)
    {
        var said = reply.Tokens[token];
        var (before, begins) = (_items.Count, _items.Count == 0 || said.OpensTool || _items[^1].Tool != said.Tool);
        byte[] head = begins && before > 0 ? [.. End()] : [];
        Take(said);
        head = begins ? [.. head, .. Begin()] : head;
        return said.OpensTool ? head : [.. head, .. Delta(said.Text)];
    }

    public override IEnumerable<byte[]> Closing()
    {
        if (_items.Count > 0)
        {
            yield return End();
        }

        yield return Event(reply.FinishReason == "length" ? "response.incomplete" : "response.completed", json =>
        {
            json.WritePropertyName("response"u8);
            WriteResponse(json, isOver: true);
        });
    }

    public override byte[] Failing(Fault fault) => Event("error", json => ResponseEvents.WriteError(json, fault));

    private void Take(SandboxToken token)
    {
        if (_items.Count == 0 || token.OpensTool || _items[^1].Tool != token.Tool)
        {
            _items.Add(new Item(token.Tool, token.OpensTool ? token.Text : ""));
        }

        if (!token.OpensTool)
        {
            _items[^1].Text.Append(token.Text);
        }
    }

    private byte[] Begin()
    {
        var added = Event("response.output_item.added", json =>
        {
            json.WriteNumber("output_index"u8, _items.Count - 1);
            json.WritePropertyName("item"u8);
            WriteItem(json, _items.Count - 1, isOver: false);
        });
        return _items[^1].Tool is not null ? added : [.. added, .. Part("response.content_part.added", "")];
    }

    private byte[] Delta(string text) => Event(_items[^1].Tool is null ? "response.output_text.delta" : "response.function_call_arguments.delta", json =>
    {
        Place(json);
        json.WriteString("delta"u8, text);
    });

    private byte[] End()
    {
        var item = _items[^1];
        var text = item.Text.ToString();
        var done = item.Tool is null
            ? Event("response.output_text.done", json =>
            {
                Place(json);
                json.WriteString("text"u8, text);
            })
            : Event("response.function_call_arguments.done", json =>
            {
                Place(json);
                json.WriteString("name"u8, item.Name);
                json.WriteString("arguments"u8, text);
            });
        byte[] part = item.Tool is null ? Part("response.content_part.done", text) : [];
        var over = Event("response.output_item.done", json =>
        {
            json.WriteNumber("output_index"u8, _items.Count - 1);
            json.WritePropertyName("item"u8);
            WriteItem(json, _items.Count - 1, isOver: true);
        });
        return [.. done, .. part, .. over];
    }

    private byte[] Part(string type, string text) => Event(type, json =>
    {
        Place(json);
        json.WritePropertyName("part"u8);
        WriteText(json, text);
    });

    private void Place(Utf8JsonWriter json)
    {
        json.WriteString("item_id"u8, ItemId(_items.Count - 1));
        json.WriteNumber("output_index"u8, _items.Count - 1);
        if (_items[^1].Tool is null)
        {
            json.WriteNumber("content_index"u8, 0);
        }
    }

    private byte[] Event(string type, Action<Utf8JsonWriter> members)
    {
        _buffer.ResetWrittenCount();
        _buffer.Write(Encoding.ASCII.GetBytes($"event: {type}\ndata: "));
        using (var json = new Utf8JsonWriter(_buffer, Options))
        {
            json.WriteStartObject();
            json.WriteString("type"u8, type);
            json.WriteNumber("sequence_number"u8, _sequence++);
            members(json);
            json.WriteEndObject();
        }

        _buffer.Write("\n\n"u8);
        return _buffer.WrittenSpan.ToArray();
    }

    private void WriteResponse(Utf8JsonWriter json, bool isOver)
    {
        var isCut = isOver && reply.FinishReason == "length";
        json.WriteStartObject();
        json.WriteString("id"u8, id);
        json.WriteString("object"u8, "response"u8);
        json.WriteNumber("created_at"u8, createdSeconds);
        json.WriteString("status"u8, !isOver ? "in_progress"u8 : isCut ? "incomplete"u8 : "completed"u8);
        json.WriteNull("error"u8);
        if (isCut)
        {
            json.WriteStartObject("incomplete_details"u8);
            json.WriteString("reason"u8, "max_output_tokens"u8);
            json.WriteEndObject();
        }
        else
        {
            json.WriteNull("incomplete_details"u8);
        }

        json.WriteString("model"u8, reply.Request.Model);
        json.WriteStartArray("output"u8);
        for (var index = 0; isOver && index < _items.Count; index++)
        {
            WriteItem(json, index, isOver: true);
        }

        json.WriteEndArray();
        json.WriteBoolean("parallel_tool_calls"u8, true);
        json.WriteBoolean("store"u8, false);
        json.WritePropertyName("usage"u8);
        WriteUsage(json, isOver);
        json.WriteEndObject();
    }

    private void WriteItem(Utf8JsonWriter json, int index, bool isOver)
    {
        var item = _items[index];
        json.WriteStartObject();
        json.WriteString("id"u8, ItemId(index));
        json.WriteString("type"u8, item.Tool is null ? "message"u8 : "function_call"u8);
        json.WriteString("status"u8, isOver ? "completed"u8 : "in_progress"u8);
        if (item.Tool is { } tool)
        {
            json.WriteString("call_id"u8, string.Create(CultureInfo.InvariantCulture, $"call_{id.AsSpan(id.Length - 12)}{tool:x2}"));
            json.WriteString("name"u8, item.Name);
            json.WriteString("arguments"u8, isOver ? item.Text.ToString() : "");
        }
        else
        {
            json.WriteString("role"u8, "assistant"u8);
            json.WriteStartArray("content"u8);
            if (isOver)
            {
                WriteText(json, item.Text.ToString());
            }

            json.WriteEndArray();
        }

        json.WriteEndObject();
    }

    private static void WriteText(Utf8JsonWriter json, string text)
    {
        json.WriteStartObject();
        json.WriteString("type"u8, "output_text"u8);
        json.WriteStartArray("annotations"u8);
        json.WriteEndArray();
        json.WriteString("text"u8, text);
        json.WriteEndObject();
    }

    private void WriteUsage(Utf8JsonWriter json, bool isOver)
    {
        if (!isOver || reply.Script.Usage == "none")
        {
            json.WriteNullValue();
            return;
        }

        var counts = reply.Script.Usage == "full";
        var (input, output) = counts ? (reply.Request.PromptTokens, reply.CompletionTokens) : (0, 0);
        json.WriteStartObject();
        json.WriteNumber("input_tokens"u8, input);
        json.WriteStartObject("input_tokens_details"u8);
        json.WriteNumber("cached_tokens"u8, counts ? reply.CachedTokens : 0);
        json.WriteEndObject();
        json.WriteNumber("output_tokens"u8, output);
        json.WriteStartObject("output_tokens_details"u8);
        json.WriteNumber("reasoning_tokens"u8, counts ? reply.ReasoningTokens : 0);
        json.WriteEndObject();
        json.WriteNumber("total_tokens"u8, input + output);
        json.WriteEndObject();
    }

    private string ItemId(int index) => string.Create(CultureInfo.InvariantCulture,
        $"{(_items[index].Tool is null ? "msg" : "fc")}_{id.AsSpan(id.Length - 12)}{index:x2}");
}
