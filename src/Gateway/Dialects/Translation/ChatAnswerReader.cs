using System.Text.Json;

namespace Crew.Gateway.Dialects.Translation;

/// <summary>Reads completions: one choice, as a translated request asks for.</summary>
internal sealed class ChatAnswerReader : AnswerReader
{
    private readonly HashSet<int> _calls = [];
    private bool _hasBegun;

    protected override Answer? ReadWhole(JsonElement root)
    {
        var choice = Items(root, "choices").FirstOrDefault();
        if (!TryGet(choice, "message", out var message))
        {
            return null;
        }

        var parts = new List<Part>();
        if (Reasoning(message) is { Length: > 0 } thought)
        {
            parts.Add(new ThinkingPart(thought, null));
        }

        foreach (var text in new[] { Text(message, "content"), Text(message, "refusal") }.Where(static text => text.Length > 0))
        {
            parts.Add(new TextPart(text));
        }

        foreach (var call in Items(message, "tool_calls"))
        {
            if (!TryGet(call, "function", out var function) || Call(Text(call, "id"), Text(function, "name"), Text(function, "arguments")) is not { } read)
            {
                return null;
            }

            parts.Add(read);
        }

        var created = TryGet(root, "created", out var at) && at.TryGetInt64(out var seconds) ? seconds : 0;
        return new Answer(Text(root, "id"), Text(root, "model"), created, parts, StopOf(Text(choice, "finish_reason")), null);
    }

    protected override void ReadEvent(JsonElement data, AnswerStream stream)
    {
        if (TryGet(data, "error", out var error))
        {
            stream.Fail(FailureOf(error), "");
            return;
        }

        if (!_hasBegun)
        {
            _hasBegun = true;
            stream.Begin(Text(data, "id"), Text(data, "model"), TryGet(data, "created", out var at) && at.TryGetInt64(out var seconds) ? seconds : 0);
        }

        foreach (var choice in Items(data, "choices"))
        {
            if (TryGet(choice, "delta", out var delta))
            {
                ReadDelta(delta, stream);
            }

            if (Text(choice, "finish_reason") is { Length: > 0 } reason)
            {
                stream.Finish(StopOf(reason));
            }
        }
    }

    protected override bool IsNoObject(ReadOnlySpan<byte> data, AnswerStream stream)
    {
        if (!data.Trim(" \t"u8).SequenceEqual("[DONE]"u8))
        {
            return false;
        }

        stream.End();
        return true;
    }

    private void ReadDelta(JsonElement delta, AnswerStream stream)
    {
        if (Reasoning(delta) is { Length: > 0 } thought)
        {
            stream.Think(thought);
        }

        foreach (var text in new[] { Text(delta, "content"), Text(delta, "refusal") }.Where(static text => text.Length > 0))
        {
            stream.Text(text);
        }

        foreach (var call in Items(delta, "tool_calls"))
        {
            var index = Number(call, "index");
            if (!TryGet(call, "function", out var function))
            {
                continue;
            }

            if (_calls.Add(index))
            {
                stream.OpenCall(index, Text(call, "id"), Text(function, "name"));
            }

            if (Text(function, "arguments") is { Length: > 0 } arguments)
            {
                stream.Arguments(index, arguments);
            }
        }
    }

    /// <summary>Servers call it by either name.</summary>
    private static string Reasoning(JsonElement said) => Text(said, "reasoning_content") is { Length: > 0 } thought ? thought : Text(said, "reasoning");

    private static StopReason StopOf(string reason) => reason switch
    {
        "length" => StopReason.Length,
        "tool_calls" or "function_call" => StopReason.Tool,
        "content_filter" => StopReason.Refusal,
        _ => StopReason.End,
    };
}
