using System.Text.Json;

namespace Crew.Gateway.Dialects.Translation;

/// <summary>The messages of a chat and their parts.</summary>
internal sealed partial class ChatRequestReader
{
    private void TakeMessage(string field, JsonElement message)
    {
        var role = message.ValueKind == JsonValueKind.Object && message.TryGetProperty("role", out var given) ? given.GetString() : null;
        switch (role)
        {
            case "system" or "developer":
                TakeSystem(field, message);
                break;
            case "user":
                TakeUser(field, message);
                break;
            case "assistant":
                Say(true, ReadAssistant(field, message));
                break;
            case "tool":
                TakeResult(field, message);
                break;
            default:
                Refuse($"{field}.role");
                break;
        }
    }

    private void TakeSystem(string field, JsonElement message)
    {
        if (Turns.Count > 0)
        {
            Refuse($"{field}.role", "can be carried before the first message of the user only.");
        }

        foreach (var member in Members(field, message))
        {
            if (member.Name == "content")
            {
                System.AddRange(ReadTexts($"{field}.content", member.Value));
            }
            else
            {
                Only($"{field}.{member.Name}", member.Value, member.Name == "role" ? member.Value.GetRawText() : "");
            }
        }
    }

    private void TakeUser(string field, JsonElement message)
    {
        foreach (var member in Members(field, message))
        {
            if (member.Name == "content")
            {
                Say(false, [.. ReadContent($"{field}.content", member.Value)]);
            }
            else
            {
                Only($"{field}.{member.Name}", member.Value, member.Name == "role" ? "\"user\"" : "");
            }
        }
    }

    private void TakeResult(string field, JsonElement message)
    {
        string? call = null;
        IReadOnlyList<Part> content = [];
        foreach (var member in Members(field, message))
        {
            switch (member.Name)
            {
                case "tool_call_id":
                    call = Text($"{field}.tool_call_id", member.Value);
                    break;
                case "content":
                    content = [.. ReadTexts($"{field}.content", member.Value).Select(text => new TextPart(text))];
                    break;
                default:
                    Only($"{field}.{member.Name}", member.Value, member.Name == "role" ? "\"tool\"" : "");
                    break;
            }
        }

        if (call is null)
        {
            Refuse($"{field}.tool_call_id", "is missing.");
        }

        Say(false, [new ResultPart(call ?? "", content, false)]);
    }

    private List<Part> ReadAssistant(string field, JsonElement message)
    {
        List<Part> thinking = [], texts = [], calls = [];
        string? reasoning = null;
        foreach (var member in Members(field, message))
        {
            var name = $"{field}.{member.Name}";
            switch (member.Name)
            {
                case "role":
                    break;
                case "content":
                    texts.AddRange(ReadTexts(name, member.Value).Where(text => text.Length > 0).Select(text => new TextPart(text)));
                    break;
                case "reasoning_content":
                    reasoning = Text(name, member.Value);
                    break;
                case "reasoning_details":
                    thinking.AddRange(ReadThinking(name, member.Value));
                    break;
                case "tool_calls":
                    calls.AddRange(member.Value.ValueKind == JsonValueKind.Null ? [] : Items(name, member.Value).Select(call => ReadCall(call.Field, call.Value)));
                    break;
                case "annotations":
                    Only(name, member.Value, "[]");
                    break;
                default:
                    Only(name, member.Value);
                    break;
            }
        }

        // The details say the same, and who signed it.
        if (thinking.Count == 0 && !string.IsNullOrEmpty(reasoning))
        {
            thinking.Add(new ThinkingPart(reasoning, null));
        }

        return [.. thinking, .. texts, .. calls];
    }

    private IEnumerable<Part> ReadThinking(string field, JsonElement details)
    {
        foreach (var (name, detail) in details.ValueKind == JsonValueKind.Null ? [] : Items(field, details))
        {
            var type = detail.TryGetProperty("type", out var given) ? given.GetString() : null;
            if (type == "reasoning.text")
            {
                yield return new ThinkingPart(detail.TryGetProperty("text", out var text) ? text.GetString() ?? "" : "",
                    detail.TryGetProperty("signature", out var signature) ? signature.GetString() : null);
            }
            else if (type == "reasoning.encrypted" && detail.TryGetProperty("data", out var data))
            {
                yield return new SealedThinkingPart(data.GetString() ?? "");
            }
            else
            {
                Refuse($"{name}.type");
            }
        }
    }

    private CallPart ReadCall(string field, JsonElement call)
    {
        var read = new CallPart("", "", "{}");
        foreach (var member in Members(field, call))
        {
            switch (member.Name)
            {
                case "id":
                    read = read with { Id = Text($"{field}.id", member.Value) ?? "" };
                    break;
                case "function":
                    foreach (var inner in Members($"{field}.function", member.Value))
                    {
                        var name = $"{field}.function.{inner.Name}";
                        read = inner.Name switch
                        {
                            "name" => read with { Name = Text(name, inner.Value) ?? "" },
                            "arguments" => read with { Arguments = Arguments(name, Text(name, inner.Value)) },
                            _ => Left(name, inner.Value, read),
                        };
                    }

                    break;
                case "index":
                    break;
                default:
                    Only($"{field}.{member.Name}", member.Value, member.Name == "type" ? "\"function\"" : "");
                    break;
            }
        }

        return read;
    }

    private CallPart Left(string field, JsonElement value, CallPart call)
    {
        Only(field, value);
        return call;
    }

    private IEnumerable<string> ReadTexts(string field, JsonElement content)
    {
        foreach (var part in ReadContent(field, content))
        {
            if (part is TextPart text)
            {
                yield return text.Text;
            }
            else
            {
                Refuse(field, "can hold text only where it stands.");
            }
        }
    }

    private IEnumerable<Part> ReadContent(string field, JsonElement content)
    {
        if (content.ValueKind is JsonValueKind.String or JsonValueKind.Null)
        {
            return content.GetString() is { } whole ? [new TextPart(whole)] : [];
        }

        return Items(field, content).Select(part => ReadPart(part.Field, part.Value));
    }

    private Part ReadPart(string field, JsonElement part)
    {
        Part read = new TextPart("");
        var type = part.ValueKind == JsonValueKind.Object && part.TryGetProperty("type", out var given) ? given.GetString() : null;
        if (type is not ("text" or "image_url"))
        {
            Refuse($"{field}.type");
            return read;
        }

        foreach (var member in Members(field, part))
        {
            switch (member.Name)
            {
                case "type":
                    break;
                case "text" when type == "text":
                    read = new TextPart(Text($"{field}.text", member.Value) ?? "");
                    break;
                case "image_url" when type == "image_url":
                    read = ReadImage($"{field}.image_url", member.Value);
                    break;
                case "cache_control":
                    Hint("cache_control");
                    break;
                default:
                    Only($"{field}.{member.Name}", member.Value);
                    break;
            }
        }

        return read;
    }

    private ImagePart ReadImage(string field, JsonElement value)
    {
        var image = new ImagePart(null, null, "");
        foreach (var member in Members(field, value))
        {
            if (member.Name == "url")
            {
                image = Image($"{field}.url", Text($"{field}.url", member.Value));
            }
            else
            {
                Only($"{field}.{member.Name}", member.Value, member.Name == "detail" ? "\"auto\"" : "");
            }
        }

        return image;
    }
}
