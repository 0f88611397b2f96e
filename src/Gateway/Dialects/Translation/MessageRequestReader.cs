using System.Text.Json;

namespace Crew.Gateway.Dialects.Translation;

/// <summary>Reads <c>/v1/messages</c>.</summary>
internal sealed class MessageRequestReader : RequestReader
{
    private const string CacheControl = "cache_control";

    protected override FieldNames Names => FieldNames.Messages;

    protected override void TakeMember(string name, JsonElement value)
    {
        switch (name)
        {
            case "model" or "stream" or "max_tokens":
                break;
            case "system":
                System.AddRange(ReadTexts(name, value).Select(text => text.Text));
                break;
            case "messages":
                foreach (var (field, message) in Items(name, value))
                {
                    TakeMessage(field, message);
                }

                break;
            case "tools":
                foreach (var (field, tool) in Items(name, value))
                {
                    TakeTool(field, tool);
                }

                break;
            case "tool_choice":
                TakeChoice(value);
                break;
            case "temperature":
                Temperature = Number(name, value);
                break;
            case "top_p":
                TopP = Number(name, value);
                break;
            case "stop_sequences":
                Stop.AddRange(value.ValueKind == JsonValueKind.Null ? [] : Items(name, value).Select(item => Text(item.Field, item.Value) ?? ""));
                break;
            case "metadata":
                TakeMetadata(value);
                break;
            case "thinking":
                TakeThinking(value);
                break;
            case "output_config":
                TakeOutput(value);
                break;
            case CacheControl:
                Hint(name);
                break;
            case "service_tier":
                Only(name, value, "\"auto\"", "\"standard_only\"");
                break;
            case "mcp_servers" or "speed":
                Only(name, value, "[]", "\"standard\"");
                break;
            default:
                Only(name, value);
                break;
        }
    }

    private void TakeMetadata(JsonElement value)
    {
        foreach (var member in value.ValueKind == JsonValueKind.Null ? [] : Members("metadata", value))
        {
            if (member.Name == "user_id")
            {
                User = Text("metadata.user_id", member.Value);
            }
            else
            {
                Only($"metadata.{member.Name}", member.Value);
            }
        }
    }

    /// <summary>How much is thought goes by effort in other dialects; a number of tokens for it has no counterpart.</summary>
    private void TakeThinking(JsonElement value)
    {
        foreach (var member in value.ValueKind == JsonValueKind.Null ? [] : Members("thinking", value))
        {
            if (member.Name == "type" && member.Value.ValueEquals("adaptive"))
            {
                Effort ??= "high";
            }
            else if (member.Name == "type")
            {
                Only("thinking.type", member.Value, "\"disabled\"");
            }
            else if (member.Name != "display")
            {
                Only($"thinking.{member.Name}", member.Value);
            }
        }
    }

    private void TakeOutput(JsonElement value)
    {
        foreach (var member in value.ValueKind == JsonValueKind.Null ? [] : Members("output_config", value))
        {
            if (member.Name == "effort")
            {
                TakeEffort("output_config.effort", member.Value);
            }
            else
            {
                Only($"output_config.{member.Name}", member.Value);
            }
        }
    }

    private void TakeChoice(JsonElement value)
    {
        ToolUse? use = null;
        string? name = null;
        foreach (var member in value.ValueKind == JsonValueKind.Null ? [] : Members("tool_choice", value))
        {
            switch (member.Name)
            {
                case "type":
                    use = member.Value.GetString() switch
                    {
                        "auto" => ToolUse.Auto,
                        "none" => ToolUse.None,
                        "any" => ToolUse.Any,
                        "tool" => ToolUse.One,
                        _ => null,
                    };
                    break;
                case "name":
                    name = Text("tool_choice.name", member.Value);
                    break;
                case "disable_parallel_tool_use":
                    IsParallel = member.Value.ValueKind == JsonValueKind.Null ? null : !member.Value.GetBoolean();
                    break;
                default:
                    Only($"tool_choice.{member.Name}", member.Value);
                    break;
            }
        }

        if (use is { } known)
        {
            Choice = new ToolChoice(known, name);
        }
        else if (value.ValueKind != JsonValueKind.Null)
        {
            Refuse("tool_choice.type");
        }
    }

    private void TakeTool(string field, JsonElement tool)
    {
        var read = new Tool("", null, Schemas.Empty, null);
        foreach (var member in Members(field, tool))
        {
            var name = $"{field}.{member.Name}";
            switch (member.Name)
            {
                case "type":
                    Only(name, member.Value, "\"custom\"");
                    break;
                case "name":
                    read = read with { Name = Text(name, member.Value) ?? "" };
                    break;
                case "description":
                    read = read with { Description = Text(name, member.Value) };
                    break;
                case "input_schema":
                    read = read with { Schema = member.Value.GetRawText() };
                    break;
                case "strict":
                    read = read with { IsStrict = member.Value.ValueKind == JsonValueKind.Null ? null : member.Value.GetBoolean() };
                    break;
                case CacheControl:
                    Hint(CacheControl);
                    break;
                default:
                    Only(name, member.Value, "false");
                    break;
            }
        }

        Tools.Add(read);
    }

    private void TakeMessage(string field, JsonElement message)
    {
        bool? isAssistant = null;
        List<Part> parts = [];
        foreach (var member in Members(field, message))
        {
            switch (member.Name)
            {
                case "role":
                    isAssistant = member.Value.GetString() switch { "user" => false, "assistant" => true, _ => null };
                    break;
                case "content":
                    parts = [.. ReadContent($"{field}.content", member.Value)];
                    break;
                default:
                    Only($"{field}.{member.Name}", member.Value);
                    break;
            }
        }

        if (isAssistant is { } side)
        {
            Say(side, parts);
        }
        else
        {
            Refuse($"{field}.role");
        }
    }

    private IEnumerable<TextPart> ReadTexts(string field, JsonElement content)
    {
        foreach (var part in ReadContent(field, content))
        {
            if (part is TextPart text)
            {
                yield return text;
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

        return Items(field, content).Select(block => ReadBlock(block.Field, block.Value)).OfType<Part>();
    }

    private Part? ReadBlock(string field, JsonElement block)
    {
        var type = block.ValueKind == JsonValueKind.Object && block.TryGetProperty("type", out var given) ? given.GetString() : null;
        var members = new Dictionary<string, JsonElement>(StringComparer.Ordinal);
        foreach (var member in Members(field, block))
        {
            if (member.Name == CacheControl)
            {
                Hint(CacheControl);
            }
            else if (member.Name != "type")
            {
                members[member.Name] = member.Value;
            }
        }

        Part? part = type switch
        {
            "text" => new TextPart(Take("text") ?? ""),
            "thinking" => new ThinkingPart(Take("thinking") ?? "", Take("signature") is { Length: > 0 } signature ? signature : null),
            "redacted_thinking" => new SealedThinkingPart(Take("data") ?? ""),
            "tool_use" => new CallPart(Take("id") ?? "", Take("name") ?? "", members.Remove("input", out var input) ? Arguments($"{field}.input", input.GetRawText()) : "{}"),
            "tool_result" => ReadResult(field, members),
            "image" => members.Remove("source", out var source) ? ReadSource($"{field}.source", source) : null,
            _ => null,
        };
        if (part is null)
        {
            Refuse($"{field}.type");
            return null;
        }

        foreach (var (name, value) in members)
        {
            Only($"{field}.{name}", value, name == "is_error" ? "false" : "[]");
        }

        return part;

        string? Take(string name) => members.Remove(name, out var value) ? Text($"{field}.{name}", value) : null;
    }

    private ResultPart ReadResult(string field, Dictionary<string, JsonElement> members)
    {
        var call = members.Remove("tool_use_id", out var id) ? id.GetString() ?? "" : "";
        IReadOnlyList<Part> content = members.Remove("content", out var given) ? [.. ReadContent($"{field}.content", given)] : [];
        var isError = members.Remove("is_error", out var failed) && failed.ValueKind == JsonValueKind.True;
        return new ResultPart(call, content, isError);
    }

    private ImagePart? ReadSource(string field, JsonElement source)
    {
        string? type = null, mediaType = null, data = null, url = null;
        foreach (var member in Members(field, source))
        {
            var text = Text($"{field}.{member.Name}", member.Value);
            switch (member.Name)
            {
                case "type":
                    type = text;
                    break;
                case "media_type":
                    mediaType = text;
                    break;
                case "data":
                    data = text;
                    break;
                case "url":
                    url = text;
                    break;
                default:
                    Only($"{field}.{member.Name}", member.Value);
                    break;
            }
        }

        return type switch
        {
            "base64" when data is not null => new ImagePart(mediaType, data, null),
            "url" when url is not null => new ImagePart(null, null, url),
            _ => null,
        };
    }
}
