using System.Buffers;
using System.Text;
using System.Text.Json;
using Crew.Gateway.Dialects.OpenAi;
using Crew.Kernel;

namespace Crew.Gateway.Dialects.Translation;

/// <summary>Says answers as completions.</summary>
internal sealed class ChatAnswerWriter(bool wantsUsage) : AnswerStream
{
    private readonly Dictionary<int, int> _calls = [];
    private readonly StringBuilder _thought = new();
    private string _id = "";
    private string _model = "";
    private long _created;

    public static void WriteWhole(Utf8JsonWriter json, Answer answer)
    {
        json.WriteStartObject();
        json.WriteString("id"u8, answer.Id);
        json.WriteString("object"u8, "chat.completion"u8);
        json.WriteNumber("created"u8, answer.CreatedSeconds);
        json.WriteString("model"u8, answer.Model);
        json.WriteStartArray("choices"u8);
        json.WriteStartObject();
        json.WriteNumber("index"u8, 0);
        json.WriteStartObject("message"u8);
        json.WriteString("role"u8, "assistant"u8);
        WriteMessage(json, answer.Parts);
        json.WriteNull("refusal"u8);
        json.WriteEndObject();
        json.WriteNull("logprobs"u8);
        json.WriteString("finish_reason"u8, Reason(answer.Stop));
        json.WriteEndObject();
        json.WriteEndArray();
        if (answer.Usage is { } usage)
        {
            ChatUsage.Write(json, usage);
        }

        json.WriteEndObject();
    }

    public override void Begin(string id, string model, long createdSeconds)
    {
        (_id, _model, _created) = (id, model, createdSeconds);
        Delta(static json =>
        {
            json.WriteString("role"u8, "assistant"u8);
            json.WriteString("content"u8, ""u8);
        });
    }

    public override void Text(string text) => Delta(json => json.WriteString("content"u8, text));

    public override void Think(string text)
    {
        _thought.Append(text);
        Delta(json => json.WriteString("reasoning_content"u8, text));
    }

    public override void Sign(string signature)
    {
        var thought = new ThinkingPart(_thought.ToString(), signature);
        _thought.Clear();
        Delta(json => ChatParts.WriteDetails(json, [thought]));
    }

    public override void Seal(string data) => Delta(json => ChatParts.WriteDetails(json, [new SealedThinkingPart(data)]));

    public override void OpenCall(int call, string id, string name)
    {
        var index = _calls[call] = _calls.Count;
        Delta(json =>
        {
            json.WriteStartArray("tool_calls"u8);
            ChatParts.WriteCall(json, new CallPart(id, name, ""), index);
            json.WriteEndArray();
        });
    }

    public override void Arguments(int call, string text)
    {
        if (!_calls.TryGetValue(call, out var index))
        {
            return;
        }

        Delta(json =>
        {
            json.WriteStartArray("tool_calls"u8);
            json.WriteStartObject();
            json.WriteNumber("index"u8, index);
            json.WriteStartObject("function"u8);
            json.WriteString("arguments"u8, text);
            json.WriteEndObject();
            json.WriteEndObject();
            json.WriteEndArray();
        });
    }

    public override void Finish(StopReason stop) => Delta(static _ => { }, Reason(stop));

    public override void End()
    {
        if (IsOver)
        {
            return;
        }

        IsOver = true;
        if (wantsUsage && Usage is { } usage)
        {
            Object("data: "u8, json =>
            {
                Open(json);
                json.WriteStartArray("choices"u8);
                json.WriteEndArray();
                ChatUsage.Write(json, usage);
            });
        }

        Raw("data: [DONE]\n\n"u8);
    }

    public override void Ping() => Raw(": ping\n\n"u8);

    public override void Fail(Fault fault, string requestId)
    {
        IsOver = true;
        var output = new ArrayBufferWriter<byte>(256);
        OpenAiErrors.WriteEvent(output, fault);
        Raw(output.WrittenSpan);
    }

    private static void WriteMessage(Utf8JsonWriter json, IReadOnlyList<Part> parts)
    {
        var texts = parts.OfType<TextPart>().Select(static part => part.Text).ToList();
        json.WriteString("content"u8, texts.Count == 0 ? null : string.Concat(texts));
        if (parts.Where(static part => part is ThinkingPart or SealedThinkingPart).ToList() is { Count: > 0 } thinking)
        {
            json.WriteString("reasoning_content"u8, string.Concat(thinking.OfType<ThinkingPart>().Select(static part => part.Text)));
            ChatParts.WriteDetails(json, thinking);
        }

        if (parts.OfType<CallPart>().ToList() is { Count: > 0 } calls)
        {
            json.WriteStartArray("tool_calls"u8);
            calls.ForEach(call => ChatParts.WriteCall(json, call, null));
            json.WriteEndArray();
        }
    }

    private static string Reason(StopReason stop) => stop switch
    {
        StopReason.Length => "length",
        StopReason.Tool => "tool_calls",
        StopReason.Refusal => "content_filter",
        _ => "stop",
    };

    private void Delta(Action<Utf8JsonWriter> members, string? finish = null) => Object("data: "u8, json =>
    {
        Open(json);
        json.WriteStartArray("choices"u8);
        json.WriteStartObject();
        json.WriteNumber("index"u8, 0);
        json.WriteStartObject("delta"u8);
        members(json);
        json.WriteEndObject();
        json.WriteNull("logprobs"u8);
        json.WriteString("finish_reason"u8, finish);
        json.WriteEndObject();
        json.WriteEndArray();
        if (wantsUsage)
        {
            json.WriteNull("usage"u8);
        }
    });

    private void Open(Utf8JsonWriter json)
    {
        json.WriteString("id"u8, _id);
        json.WriteString("object"u8, "chat.completion.chunk"u8);
        json.WriteNumber("created"u8, _created);
        json.WriteString("model"u8, _model);
    }
}
