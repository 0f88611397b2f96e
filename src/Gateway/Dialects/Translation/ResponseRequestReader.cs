using System.Text.Json;

namespace Crew.Gateway.Dialects.Translation;

/// <summary>Reads <c>/v1/responses</c>.</summary>
internal sealed partial class ResponseRequestReader : RequestReader
{
    private readonly List<string> _instructions = [];

    protected override FieldNames Names => FieldNames.Responses;

    protected override IReadOnlyList<string> SystemTexts => [.. _instructions, .. System];

    protected override void TakeMember(string name, JsonElement value)
    {
        switch (name)
        {
            case "model" or "stream" or "max_output_tokens" or "store":
                break;
            case "instructions":
                _instructions.AddRange(Text(name, value) is { } text ? [text] : []);
                break;
            case "input":
                TakeInput(value);
                break;
            case "tools":
                foreach (var (field, tool) in value.ValueKind == JsonValueKind.Null ? [] : Items(name, value))
                {
                    TakeTool(field, tool);
                }

                break;
            case "tool_choice":
                Choice = ReadChoice(value);
                break;
            case "parallel_tool_calls":
                IsParallel = value.ValueKind == JsonValueKind.Null ? null : value.GetBoolean();
                break;
            case "temperature":
                Temperature = Number(name, value);
                break;
            case "top_p":
                TopP = Number(name, value);
                break;
            case "user":
                User = Text(name, value);
                break;
            case "reasoning":
                TakeReasoning(value);
                break;
            case "text":
                TakeText(value);
                break;
            default:
                TakeRest(name, value);
                break;
        }
    }

    private void TakeRest(string name, JsonElement value)
    {
        switch (name)
        {
            case "metadata" or "prompt_cache_key" or "prompt_cache_retention" or "safety_identifier":
                Hint(name);
                break;
            case "stream_options":
                foreach (var member in value.ValueKind == JsonValueKind.Null ? [] : Members(name, value))
                {
                    // Padding against eavesdroppers belongs to the events, not to the answer.
                    if (member.Name != "include_obfuscation")
                    {
                        Only($"{name}.{member.Name}", member.Value, "false");
                    }
                }

                break;
            case "include":
                foreach (var (field, item) in value.ValueKind == JsonValueKind.Null ? [] : Items(name, value))
                {
                    // What reasoning needs to be given back comes with it in any case.
                    Only(field, item, "\"reasoning.encrypted_content\"");
                }

                break;
            case "truncation":
                Only(name, value, "\"disabled\"");
                break;
            case "background":
                Only(name, value, "false");
                break;
            case "top_logprobs":
                Only(name, value, "0");
                break;
            case "service_tier":
                Only(name, value, "\"auto\"", "\"default\"");
                break;
            default:
                Only(name, value);
                break;
        }
    }

    private void TakeReasoning(JsonElement value)
    {
        foreach (var member in value.ValueKind == JsonValueKind.Null ? [] : Members("reasoning", value))
        {
            if (member.Name == "effort")
            {
                TakeEffort("reasoning.effort", member.Value);
            }
            else if (member.Name is "summary" or "generate_summary")
            {
                // Whether reasoning is shown, which changes no word of the answer.
                Hint($"reasoning.{member.Name}");
            }
            else
            {
                Only($"reasoning.{member.Name}", member.Value);
            }
        }
    }

    private void TakeText(JsonElement value)
    {
        foreach (var member in value.ValueKind == JsonValueKind.Null ? [] : Members("text", value))
        {
            if (member.Name == "format")
            {
                TakeFormat("text.format", member.Value);
            }
            else if (member.Name == "verbosity")
            {
                Verbosity = Text("text.verbosity", member.Value);
            }
            else
            {
                Only($"text.{member.Name}", member.Value);
            }
        }
    }

    /// <summary>Here the schema stands beside the type; in chats it has an object of its own.</summary>
    private void TakeFormat(string field, JsonElement value)
    {
        var members = value.ValueKind == JsonValueKind.Null ? [] : Members(field, value).ToList();
        var type = members.Where(static m => m.Name == "type").Select(m => Text($"{field}.type", m.Value)).FirstOrDefault();
        if (type == "json_schema")
        {
            Format = ReadSchema(field, members.Where(static m => m.Name != "type"));
            return;
        }

        Format = type == "json_object" ? new OutputFormat("json_object", null, null, null, null) : null;
        foreach (var member in members)
        {
            Only($"{field}.{member.Name}", member.Value, "\"text\"", member.Name == "type" ? "\"json_object\"" : "\"text\"");
        }
    }

    private ToolChoice? ReadChoice(JsonElement value)
    {
        switch (value.ValueKind == JsonValueKind.String ? value.GetString() : null)
        {
            case "auto":
                return new ToolChoice(ToolUse.Auto, null);
            case "none":
                return new ToolChoice(ToolUse.None, null);
            case "required":
                return new ToolChoice(ToolUse.Any, null);
        }

        if (value.ValueKind == JsonValueKind.Object && value.TryGetProperty("type", out var type) && type.ValueEquals("function")
            && value.TryGetProperty("name", out var name))
        {
            return new ToolChoice(ToolUse.One, name.GetString());
        }

        Only("tool_choice", value);
        return null;
    }

    private void TakeTool(string field, JsonElement tool)
    {
        var read = new Tool("", null, Schemas.Empty, null);
        foreach (var member in Members(field, tool))
        {
            var name = $"{field}.{member.Name}";
            switch (member.Name)
            {
                case "name":
                    read = read with { Name = Text(name, member.Value) ?? "" };
                    break;
                case "description":
                    read = read with { Description = Text(name, member.Value) };
                    break;
                case "parameters" when member.Value.ValueKind == JsonValueKind.Object:
                    read = read with { Schema = member.Value.GetRawText() };
                    break;
                case "strict" when member.Value.ValueKind != JsonValueKind.Null:
                    read = read with { IsStrict = member.Value.GetBoolean() };
                    break;
                default:
                    Only(name, member.Value, member.Name == "type" ? "\"function\"" : "");
                    break;
            }
        }

        Tools.Add(read);
    }
}
