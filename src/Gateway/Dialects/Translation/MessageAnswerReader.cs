using System.Text.Json;

namespace Crew.Gateway.Dialects.Translation;

/// <summary>Reads messages of the Anthropic dialect.</summary>
internal sealed class MessageAnswerReader : AnswerReader
{
    protected override Answer? ReadWhole(JsonElement root)
    {
        if (!root.TryGetProperty("content", out var content) || content.ValueKind != JsonValueKind.Array)
        {
            return null;
        }

        var parts = new List<Part>();
        foreach (var block in content.EnumerateArray())
        {
            Part? part = Text(block, "type") switch
            {
                "text" => new TextPart(Text(block, "text")),
                "thinking" => new ThinkingPart(Text(block, "thinking"), Text(block, "signature")),
                "redacted_thinking" => new SealedThinkingPart(Text(block, "data")),
                "tool_use" => new CallPart(Text(block, "id"), Text(block, "name"), block.TryGetProperty("input", out var input) ? input.GetRawText() : "{}"),
                _ => null,
            };
            if (part is null)
            {
                return null;
            }

            parts.Add(part);
        }

        return new Answer(Text(root, "id"), Text(root, "model"), 0, parts, StopOf(Text(root, "stop_reason")), null);
    }

    protected override void ReadEvent(JsonElement data, AnswerStream stream)
    {
        switch (Text(data, "type"))
        {
            case "message_start" when TryGet(data, "message", out var message):
                stream.Begin(Text(message, "id"), Text(message, "model"), 0);
                break;
            case "content_block_start" when TryGet(data, "content_block", out var block):
                ReadStart(Number(data, "index"), block, stream);
                break;
            case "content_block_delta" when TryGet(data, "delta", out var delta):
                ReadDelta(Number(data, "index"), delta, stream);
                break;
            case "message_delta" when TryGet(data, "delta", out var end) && Text(end, "stop_reason") is { Length: > 0 } reason:
                stream.Finish(StopOf(reason));
                break;
            case "message_stop":
                stream.End();
                break;
            case "ping":
                stream.Ping();
                break;
            case "error" when TryGet(data, "error", out var error):
                stream.Fail(FailureOf(error), Text(data, "request_id"));
                break;
        }
    }

    private static void ReadStart(int index, JsonElement block, AnswerStream stream)
    {
        switch (Text(block, "type"))
        {
            case "tool_use":
                stream.OpenCall(index, Text(block, "id"), Text(block, "name"));
                break;
            case "redacted_thinking":
                stream.Seal(Text(block, "data"));
                break;
            case "text" when Text(block, "text") is { Length: > 0 } text:
                stream.Text(text);
                break;
        }
    }

    private static void ReadDelta(int index, JsonElement delta, AnswerStream stream)
    {
        switch (Text(delta, "type"))
        {
            case "text_delta":
                stream.Text(Text(delta, "text"));
                break;
            case "thinking_delta":
                stream.Think(Text(delta, "thinking"));
                break;
            case "signature_delta":
                stream.Sign(Text(delta, "signature"));
                break;
            case "input_json_delta" when Text(delta, "partial_json") is { Length: > 0 } arguments:
                stream.Arguments(index, arguments);
                break;
        }
    }

    private static StopReason StopOf(string reason) => reason switch
    {
        "max_tokens" or "model_context_window_exceeded" => StopReason.Length,
        "tool_use" => StopReason.Tool,
        "refusal" => StopReason.Refusal,
        _ => StopReason.End,
    };
}
