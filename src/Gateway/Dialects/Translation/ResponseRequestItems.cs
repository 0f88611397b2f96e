using System.Text.Json;

namespace Crew.Gateway.Dialects.Translation;

/// <summary>The items of a response's input and their parts.</summary>
internal sealed partial class ResponseRequestReader
{
    private void TakeInput(JsonElement value)
    {
        if (value.ValueKind is JsonValueKind.String or JsonValueKind.Null)
        {
            Say(false, value.GetString() is { } text ? [new TextPart(text)] : []);
            return;
        }

        foreach (var (field, item) in Items("input", value))
        {
            TakeItem(field, item);
        }
    }

    private void TakeItem(string field, JsonElement item)
    {
        var type = item.ValueKind == JsonValueKind.Object && item.TryGetProperty("type", out var given) ? given.GetString() : "message";
        switch (type)
        {
            case "message":
                TakeMessage(field, item);
                break;
            case "function_call":
                Say(true, [ReadCall(field, item)]);
                break;
            case "function_call_output":
                TakeResult(field, item);
                break;
            case "reasoning":
                TakeThought(field, item);
                break;
            default:
                Refuse($"{field}.type");
                break;
        }
    }

    private void TakeMessage(string field, JsonElement item)
    {
        var role = item.ValueKind == JsonValueKind.Object && item.TryGetProperty("role", out var given) ? given.GetString() : null;
        if (role is not ("user" or "assistant" or "system" or "developer"))
        {
            Refuse($"{field}.role");
            return;
        }

        List<Part> parts = [];
        foreach (var member in Members(field, item))
        {
            switch (member.Name)
            {
                case "content":
                    parts.AddRange(ReadContent($"{field}.content", member.Value));
                    break;
                case "type" or "role" or "id" or "status":
                    break;
                default:
                    Only($"{field}.{member.Name}", member.Value);
                    break;
            }
        }

        if (role is "user" or "assistant")
        {
            Say(role == "assistant", role == "assistant" ? [.. parts.Where(static part => part is not TextPart { Text: "" })] : parts);
        }
        else if (Turns.Count > 0)
        {
            Refuse($"{field}.role", "can be carried before the first message of the user only.");
        }
        else if (parts.TrueForAll(static part => part is TextPart))
        {
            System.AddRange(parts.Cast<TextPart>().Select(static part => part.Text));
        }
        else
        {
            Refuse($"{field}.content", "can hold text only where it stands.");
        }
    }

    private CallPart ReadCall(string field, JsonElement item)
    {
        var call = new CallPart("", "", "{}");
        foreach (var member in Members(field, item))
        {
            var name = $"{field}.{member.Name}";
            switch (member.Name)
            {
                case "call_id":
                    call = call with { Id = Text(name, member.Value) ?? "" };
                    break;
                case "name":
                    call = call with { Name = Text(name, member.Value) ?? "" };
                    break;
                case "arguments":
                    call = call with { Arguments = Arguments(name, Text(name, member.Value)) };
                    break;
                case "type" or "id" or "status":
                    break;
                default:
                    Only(name, member.Value);
                    break;
            }
        }

        return call;
    }

    private void TakeResult(string field, JsonElement item)
    {
        string? call = null;
        IReadOnlyList<Part> content = [];
        foreach (var member in Members(field, item))
        {
            var name = $"{field}.{member.Name}";
            switch (member.Name)
            {
                case "call_id":
                    call = Text(name, member.Value);
                    break;
                case "output":
                    content = [.. ReadContent(name, member.Value)];
                    break;
                case "type" or "id" or "status":
                    break;
                default:
                    Only(name, member.Value);
                    break;
            }
        }

        if (call is null)
        {
            Refuse($"{field}.call_id", "is missing.");
        }

        Say(false, [new ResultPart(call ?? "", content, false)]);
    }

    /// <summary>What was thought, as summary or as text, under the seal of whoever thought it.</summary>
    private void TakeThought(string field, JsonElement item)
    {
        List<string> texts = [];
        string? seal = null;
        foreach (var member in Members(field, item))
        {
            var name = $"{field}.{member.Name}";
            switch (member.Name)
            {
                case "summary" or "content":
                    texts.AddRange((member.Value.ValueKind == JsonValueKind.Null ? [] : Items(name, member.Value)).Select(part => ReadThought(part.Field, part.Value)));
                    break;
                case "encrypted_content":
                    seal = Text(name, member.Value);
                    break;
                case "type" or "id" or "status":
                    break;
                default:
                    Only(name, member.Value);
                    break;
            }
        }

        Say(true, [ResponseParts.Thought(string.Join(ResponseParts.Paragraph, texts), seal)]);
    }

    private string ReadThought(string field, JsonElement part)
    {
        var text = "";
        foreach (var member in Members(field, part))
        {
            if (member.Name == "text")
            {
                text = Text($"{field}.text", member.Value) ?? "";
            }
            else
            {
                Only($"{field}.{member.Name}", member.Value, "\"summary_text\"", "\"reasoning_text\"");
            }
        }

        return text;
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
        var type = part.ValueKind == JsonValueKind.Object && part.TryGetProperty("type", out var given) ? given.GetString() : null;
        var isImage = type == "input_image";
        Part read = isImage ? new ImagePart(null, null, "") : new TextPart("");
        if (!isImage && type is not ("input_text" or "output_text" or "text"))
        {
            Refuse($"{field}.type");
            return read;
        }

        foreach (var member in Members(field, part))
        {
            var name = $"{field}.{member.Name}";
            switch (member.Name)
            {
                case "type":
                    break;
                case "text" when !isImage:
                    read = new TextPart(Text(name, member.Value) ?? "");
                    break;
                case "image_url" when isImage:
                    read = Image(name, Text(name, member.Value));
                    break;
                case "detail" when isImage:
                    Only(name, member.Value, "\"auto\"");
                    break;
                default:
                    Only(name, member.Value, "[]");
                    break;
            }
        }

        return read;
    }
}
