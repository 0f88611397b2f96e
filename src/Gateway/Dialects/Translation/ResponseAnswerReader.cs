using System.Text.Json;

namespace Crew.Gateway.Dialects.Translation;

/// <summary>Reads responses: messages, calls of functions, and reasoning. An item of any other kind has no counterpart and breaks the answer.</summary>
internal sealed class ResponseAnswerReader : AnswerReader
{
    private readonly HashSet<int> _called = [];
    private readonly HashSet<int> _argued = [];
    private string? _thinks;
    private bool _hasBegun;

    protected override Answer? ReadWhole(JsonElement root)
    {
        if (Text(root, "status") == "failed" || !root.TryGetProperty("output", out var output) || output.ValueKind != JsonValueKind.Array)
        {
            return null;
        }

        var parts = new List<Part>();
        foreach (var item in output.EnumerateArray())
        {
            switch (Text(item, "type"))
            {
                case "message":
                    parts.AddRange(Items(item, "content").Select(static part => Text(part, "text") + Text(part, "refusal"))
                        .Where(static text => text.Length > 0).Select(static text => new TextPart(text)));
                    break;
                case "reasoning" when ThoughtOf(item) is { } thought:
                    parts.Add(thought);
                    break;
                case "reasoning":
                    break;
                case "function_call" when Call(Text(item, "call_id"), Text(item, "name"), Text(item, "arguments")) is { } call:
                    parts.Add(call);
                    break;
                default:
                    return null;
            }
        }

        return new Answer(Text(root, "id"), Text(root, "model"), Created(root), parts, StopOf(root, parts.Exists(static part => part is CallPart)), null);
    }

    protected override void ReadEvent(JsonElement data, AnswerStream stream)
    {
        switch (Text(data, "type"))
        {
            case "response.created" or "response.in_progress" when TryGet(data, "response", out var response):
                Begin(response, stream);
                break;
            case "response.output_item.added" when TryGet(data, "item", out var item):
                ReadAdded(Number(data, "output_index"), item, stream);
                break;
            case "response.output_item.done" when TryGet(data, "item", out var item) && Text(item, "encrypted_content") is { Length: > 0 } seal:
                stream.Sign(seal);
                break;
            case "response.output_text.delta" or "response.refusal.delta" when Text(data, "delta") is { Length: > 0 } text:
                stream.Text(text);
                break;
            case "response.reasoning_summary_text.delta":
                Think(data, "summary", stream);
                break;
            case "response.reasoning_text.delta":
                Think(data, "text", stream);
                break;
            case "response.reasoning_summary_part.added" when Number(data, "summary_index") > 0:
                stream.Think(ResponseParts.Paragraph);
                break;
            case "response.function_call_arguments.delta" when Text(data, "delta") is { Length: > 0 } arguments:
                _argued.Add(Number(data, "output_index"));
                stream.Arguments(Number(data, "output_index"), arguments);
                break;
            case "response.function_call_arguments.done" when _argued.Add(Number(data, "output_index")) && Text(data, "arguments") is { Length: > 0 } arguments:
                stream.Arguments(Number(data, "output_index"), arguments);
                break;
            case "response.completed" or "response.incomplete" when TryGet(data, "response", out var response):
                Begin(response, stream);
                stream.Finish(StopOf(response, _called.Count > 0));
                stream.End();
                break;
            case "response.failed":
                stream.Fail(FailureOf(TryGet(data, "response", out var failed) && TryGet(failed, "error", out var why) ? why : data), "");
                break;
            case "error":
                stream.Fail(FailureOf(TryGet(data, "error", out var error) && error.ValueKind == JsonValueKind.Object ? error : data), "");
                break;
        }
    }

    private static long Created(JsonElement response) => TryGet(response, "created_at", out var at) && at.ValueKind == JsonValueKind.Number
        && at.TryGetDouble(out var seconds) && seconds is > 0 and < long.MaxValue / 2 ? (long)seconds : 0;

    private static ThinkingPart? ThoughtOf(JsonElement item)
    {
        var said = Items(item, "summary").Any() ? Items(item, "summary") : Items(item, "content");
        var text = string.Join(ResponseParts.Paragraph, said.Select(static part => Text(part, "text")));
        var seal = Text(item, "encrypted_content");
        return text.Length + seal.Length > 0 ? new ThinkingPart(text, seal.Length > 0 ? seal : null) : null;
    }

    private static StopReason StopOf(JsonElement response, bool calls)
    {
        if (Text(response, "status") == "incomplete")
        {
            return TryGet(response, "incomplete_details", out var why) && Text(why, "reason") == "content_filter" ? StopReason.Refusal : StopReason.Length;
        }

        return calls ? StopReason.Tool : StopReason.End;
    }

    private void Begin(JsonElement response, AnswerStream stream)
    {
        if (!_hasBegun)
        {
            _hasBegun = true;
            stream.Begin(Text(response, "id"), Text(response, "model"), Created(response));
        }
    }

    private void ReadAdded(int index, JsonElement item, AnswerStream stream)
    {
        switch (Text(item, "type"))
        {
            case "function_call":
                _called.Add(index);
                stream.OpenCall(index, Text(item, "call_id"), Text(item, "name"));
                break;
            case "message" or "reasoning":
                _thinks = null;
                break;
            default:
                throw new JsonException("An item that no other dialect has.");
        }
    }

    /// <summary>Servers show reasoning as it was or as a summary; where they show both, the first one counts.</summary>
    private void Think(JsonElement data, string kind, AnswerStream stream)
    {
        _thinks ??= kind;
        if (_thinks == kind && Text(data, "delta") is { Length: > 0 } text)
        {
            stream.Think(text);
        }
    }
}
