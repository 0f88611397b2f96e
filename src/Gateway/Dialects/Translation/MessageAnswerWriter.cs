using System.Buffers;
using System.Text;
using System.Text.Json;
using Crew.Gateway.Metering;
using Crew.Http;
using Crew.Kernel;

namespace Crew.Gateway.Dialects.Translation;

/// <summary>Says answers as messages of the Anthropic dialect, block after block.</summary>
internal sealed class MessageAnswerWriter : AnswerStream
{
    private readonly List<(int Call, CallPart Opened, StringBuilder Arguments)> _waiting = [];
    private int _block = -1;
    private string? _open;
    private int _openCall;
    private StopReason? _stop;

    public static void WriteWhole(Utf8JsonWriter json, Answer answer)
    {
        json.WriteStartObject();
        Open(json, answer.Id, answer.Model);
        json.WriteStartArray("content"u8);
        foreach (var part in answer.Parts)
        {
            MessageParts.Write(json, part);
        }

        json.WriteEndArray();
        json.WriteString("stop_reason"u8, Reason(answer.Stop));
        json.WriteNull("stop_sequence"u8);
        WriteUsage(json, answer.Usage ?? default);
        json.WriteEndObject();
    }

    public override void Begin(string id, string model, long createdSeconds) => Object("event: message_start\ndata: "u8, json =>
    {
        json.WriteString("type"u8, "message_start"u8);
        json.WriteStartObject("message"u8);
        Open(json, id, model);
        json.WriteStartArray("content"u8);
        json.WriteEndArray();
        json.WriteNull("stop_reason"u8);
        json.WriteNull("stop_sequence"u8);
        WriteUsage(json, Usage ?? default);
        json.WriteEndObject();
    });

    public override void Text(string text)
    {
        Enter("text", static json =>
        {
            json.WriteString("type"u8, "text"u8);
            json.WriteString("text"u8, ""u8);
        });
        Delta("text_delta", "text", text);
    }

    public override void Think(string text)
    {
        EnterThinking();
        Delta("thinking_delta", "thinking", text);
    }

    public override void Sign(string signature)
    {
        // What was not shown may be signed all the same.
        EnterThinking();
        Delta("signature_delta", "signature", signature);
        Close();
    }

    public override void Seal(string data)
    {
        Close();
        Enter("redacted_thinking", json =>
        {
            json.WriteString("type"u8, "redacted_thinking"u8);
            json.WriteString("data"u8, data);
        });
        Close();
    }

    public override void OpenCall(int call, string id, string name)
    {
        if (_open == "tool_use")
        {
            _waiting.Add((call, new CallPart(id, name, ""), new StringBuilder()));
            return;
        }

        Close();
        _openCall = call;
        EnterCall(id, name);
    }

    public override void Arguments(int call, string text)
    {
        if (_open == "tool_use" && call == _openCall)
        {
            Delta("input_json_delta", "partial_json", text);
            return;
        }

        foreach (var waiting in _waiting.Where(waiting => waiting.Call == call))
        {
            waiting.Arguments.Append(text);
        }
    }

    public override void Finish(StopReason stop)
    {
        _stop = stop;
        Close();
        foreach (var (_, opened, arguments) in _waiting)
        {
            EnterCall(opened.Id, opened.Name);
            Delta("input_json_delta", "partial_json", arguments.ToString());
            Close();
        }

        _waiting.Clear();
    }

    public override void End()
    {
        if (IsOver)
        {
            return;
        }

        if (_stop is null)
        {
            Finish(StopReason.End);
        }

        IsOver = true;
        Object("event: message_delta\ndata: "u8, json =>
        {
            json.WriteString("type"u8, "message_delta"u8);
            json.WriteStartObject("delta"u8);
            json.WriteString("stop_reason"u8, Reason(_stop ?? StopReason.End));
            json.WriteNull("stop_sequence"u8);
            json.WriteEndObject();
            WriteUsage(json, Usage ?? default);
        });
        Raw("event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n"u8);
    }

    public override void Ping() => Raw("event: ping\ndata: {\"type\":\"ping\"}\n\n"u8);

    public override void Fail(Fault fault, string requestId)
    {
        IsOver = true;
        var output = new ArrayBufferWriter<byte>(256);
        ErrorWriter.Render(Dialect.Anthropic, fault, requestId, output);
        Raw("event: error\ndata: "u8);
        Raw(output.WrittenSpan);
        Raw("\n\n"u8);
    }

    private static string Reason(StopReason stop) => stop switch
    {
        StopReason.Length => "max_tokens",
        StopReason.Tool => "tool_use",
        StopReason.Refusal => "refusal",
        _ => "end_turn",
    };

    private static void Open(Utf8JsonWriter json, string id, string model)
    {
        json.WriteString("id"u8, id);
        json.WriteString("type"u8, "message"u8);
        json.WriteString("role"u8, "assistant"u8);
        json.WriteString("model"u8, model);
    }

    private static void WriteUsage(Utf8JsonWriter json, in TokenCounts counts)
    {
        json.WriteStartObject("usage"u8);
        json.WriteNumber("input_tokens"u8, counts.Input);
        json.WriteNumber("cache_creation_input_tokens"u8, counts.CacheWrite);
        json.WriteNumber("cache_read_input_tokens"u8, counts.CacheRead);
        json.WriteNumber("output_tokens"u8, counts.AllOutput);
        json.WriteEndObject();
    }

    private void EnterThinking() => Enter("thinking", static json =>
    {
        json.WriteString("type"u8, "thinking"u8);
        json.WriteString("thinking"u8, ""u8);
        json.WriteString("signature"u8, ""u8);
    });

    private void EnterCall(string id, string name) => Enter("tool_use", json =>
    {
        json.WriteString("type"u8, "tool_use"u8);
        json.WriteString("id"u8, id);
        json.WriteString("name"u8, name);
        json.WriteStartObject("input"u8);
        json.WriteEndObject();
    });

    /// <summary>Goes on in the open block where it is of that kind, and opens one where it is not.</summary>
    private void Enter(string kind, Action<Utf8JsonWriter> block)
    {
        if (_open == kind)
        {
            return;
        }

        Close();
        (_open, _block) = (kind, _block + 1);
        Object("event: content_block_start\ndata: "u8, json =>
        {
            json.WriteString("type"u8, "content_block_start"u8);
            json.WriteNumber("index"u8, _block);
            json.WriteStartObject("content_block"u8);
            block(json);
            json.WriteEndObject();
        });
    }

    private void Close()
    {
        if (_open is null)
        {
            return;
        }

        _open = null;
        Object("event: content_block_stop\ndata: "u8, json =>
        {
            json.WriteString("type"u8, "content_block_stop"u8);
            json.WriteNumber("index"u8, _block);
        });
    }

    private void Delta(string type, string member, string text)
    {
        Object("event: content_block_delta\ndata: "u8, json =>
        {
            json.WriteString("type"u8, "content_block_delta"u8);
            json.WriteNumber("index"u8, _block);
            json.WriteStartObject("delta"u8);
            json.WriteString("type"u8, type);
            json.WriteString(member, text);
            json.WriteEndObject();
        });
    }
}
