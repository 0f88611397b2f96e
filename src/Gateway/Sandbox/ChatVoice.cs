using System.Buffers;
using System.Globalization;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace Crew.Gateway.Sandbox;

/// <summary>Says a reply as a chat completion of the OpenAI dialect. Id, time and model are the same in all chunks of one answer.</summary>
internal sealed class ChatVoice(SandboxReply reply, string id, long createdSeconds) : SandboxVoice
{
    private static readonly JsonWriterOptions Options = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    private readonly ArrayBufferWriter<byte> _buffer = new(512);

    public override ReadOnlyMemory<byte> Whole()
    {
        _buffer.ResetWrittenCount();
        using (var json = Begin("chat.completion"))
        {
            json.WriteStartArray("choices"u8);
            for (var choice = 0; choice < reply.Request.Choices; choice++)
            {
                json.WriteStartObject();
                json.WriteNumber("index"u8, choice);
                WriteMessage(json);
                json.WriteNull("logprobs"u8);
                json.WriteString("finish_reason"u8, reply.FinishReason);
                json.WriteEndObject();
            }

            json.WriteEndArray();
            if (reply.Script.Usage != "none")
            {
                WriteUsage(json);
            }

            json.WriteEndObject();
        }

        return _buffer.WrittenMemory;
    }

    public override IEnumerable<byte[]> Opening()
    {
        for (var choice = 0; choice < reply.Request.Choices; choice++)
        {
            yield return RoleChunk(choice);
        }
    }

    public override IEnumerable<byte[]> Closing()
    {
        for (var choice = 0; choice < reply.Request.Choices; choice++)
        {
            yield return Chunk(choice, reply.FinishReason, static (_, _, _) => { });
        }

        if (reply.Request.IncludeUsage && reply.Script.Usage != "none")
        {
            yield return UsageChunk();
        }

        yield return "data: [DONE]\n\n"u8.ToArray();
    }

    /// <summary>The chunk that opens a choice: the role, as always before any text.</summary>
    private byte[] RoleChunk(int choice) => Chunk(choice, null, static (json, reply, _) =>
    {
        json.WriteString("role"u8, "assistant"u8);
        if (reply.HasText || !reply.HasTools)
        {
            json.WriteString("content"u8, ""u8);
        }
        else
        {
            json.WriteNull("content"u8);
        }

        json.WriteNull("refusal"u8);
    });

    public override byte[] Token(int choice, int token) => Chunk(choice, null, (json, reply, choice) =>
    {
        var (text, tool, opens) = reply.Tokens[token];
        if (tool is not { } index)
        {
            json.WriteString("content"u8, text);
            return;
        }

        json.WriteStartArray("tool_calls"u8);
        json.WriteStartObject();
        json.WriteNumber("index"u8, index);
        if (opens)
        {
            json.WriteString("id"u8, CallId(choice, index));
            json.WriteString("type"u8, "function"u8);
        }

        json.WriteStartObject("function"u8);
        if (opens)
        {
            json.WriteString("name"u8, text);
        }

        json.WriteString("arguments"u8, opens ? "" : text);
        json.WriteEndObject();
        json.WriteEndObject();
        json.WriteEndArray();
    });

    /// <summary>The additional chunk that carries nothing but the usage.</summary>
    private byte[] UsageChunk() => Event(json =>
    {
        json.WriteStartArray("choices"u8);
        json.WriteEndArray();
        WriteUsage(json);
    });

    private byte[] Chunk(int choice, string? finish, Action<Utf8JsonWriter, SandboxReply, int> delta) => Event(json =>
    {
        json.WriteStartArray("choices"u8);
        json.WriteStartObject();
        json.WriteNumber("index"u8, choice);
        json.WriteStartObject("delta"u8);
        delta(json, reply, choice);
        json.WriteEndObject();
        json.WriteNull("logprobs"u8);
        json.WriteString("finish_reason"u8, finish);
        json.WriteEndObject();
        json.WriteEndArray();
        if (reply.Request.IncludeUsage)
        {
            json.WriteNull("usage"u8);
        }
    });

    private byte[] Event(Action<Utf8JsonWriter> members)
    {
        _buffer.ResetWrittenCount();
        _buffer.Write("data: "u8);
        using (var json = Begin("chat.completion.chunk"))
        {
            members(json);
            json.WriteEndObject();
        }

        _buffer.Write("\n\n"u8);
        return _buffer.WrittenSpan.ToArray();
    }

    private Utf8JsonWriter Begin(string kind)
    {
        var json = new Utf8JsonWriter(_buffer, Options);
        json.WriteStartObject();
        json.WriteString("id"u8, id);
        json.WriteString("object"u8, kind);
        json.WriteNumber("created"u8, createdSeconds);
        json.WriteString("model"u8, reply.Request.Model);
        json.WriteString("system_fingerprint"u8, "fp_sandbox"u8);
        return json;
    }

    private void WriteMessage(Utf8JsonWriter json)
    {
        json.WriteStartObject("message"u8);
        json.WriteString("role"u8, "assistant"u8);
        var text = string.Concat(reply.Tokens.Where(static t => t.Tool is null).Select(static t => t.Text));
        json.WriteString("content"u8, reply.HasText || !reply.HasTools ? text : null);
        json.WriteNull("refusal"u8);
        if (reply.HasTools)
        {
            json.WriteStartArray("tool_calls"u8);
            foreach (var call in reply.Tokens.Where(static t => t.Tool is not null).GroupBy(static t => t.Tool!.Value))
            {
                json.WriteStartObject();
                json.WriteString("id"u8, CallId(0, call.Key));
                json.WriteString("type"u8, "function"u8);
                json.WriteStartObject("function"u8);
                json.WriteString("name"u8, call.First().Text);
                json.WriteString("arguments"u8, string.Concat(call.Skip(1).Select(static t => t.Text)));
                json.WriteEndObject();
                json.WriteEndObject();
            }

            json.WriteEndArray();
        }

        json.WriteEndObject();
    }

    private void WriteUsage(Utf8JsonWriter json)
    {
        var counts = reply.Script.Usage == "full";
        var (prompt, completion) = counts ? (reply.Request.PromptTokens, reply.CompletionTokens) : (0, 0);
        json.WriteStartObject("usage"u8);
        json.WriteNumber("prompt_tokens"u8, prompt);
        json.WriteNumber("completion_tokens"u8, completion);
        json.WriteNumber("total_tokens"u8, prompt + completion);
        json.WriteStartObject("prompt_tokens_details"u8);
        json.WriteNumber("cached_tokens"u8, counts ? reply.CachedTokens : 0);
        json.WriteNumber("audio_tokens"u8, 0);
        json.WriteEndObject();
        json.WriteStartObject("completion_tokens_details"u8);
        json.WriteNumber("reasoning_tokens"u8, counts ? reply.ReasoningTokens * reply.Request.Choices : 0);
        json.WriteNumber("audio_tokens"u8, 0);
        json.WriteNumber("accepted_prediction_tokens"u8, 0);
        json.WriteNumber("rejected_prediction_tokens"u8, 0);
        json.WriteEndObject();
        json.WriteEndObject();
    }

    private string CallId(int choice, int tool) =>
        string.Create(CultureInfo.InvariantCulture, $"call_{id.AsSpan(id.Length - 12)}{choice:x2}{tool:x2}");
}
