using System.Text.Json;

namespace Crew.Gateway.Dialects.Translation;

/// <summary>Reads <c>/v1/chat/completions</c>.</summary>
internal sealed partial class ChatRequestReader : RequestReader
{
    protected override FieldNames Names => FieldNames.Chat;

    protected override void TakeMember(string name, JsonElement value)
    {
        switch (name)
        {
            case "model" or "stream" or "max_tokens" or "max_completion_tokens" or "store":
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
            case "stop":
                TakeStop(value);
                break;
            case "user":
                User = Text(name, value);
                break;
            case "reasoning_effort":
                TakeEffort(name, value);
                break;
            case "metadata" or "prompt_cache_key" or "prompt_cache_retention" or "safety_identifier":
                Hint(name);
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
            case "n":
                Only(name, value, "1");
                break;
            case "frequency_penalty" or "presence_penalty":
                Only(name, value, "0", "0.0");
                break;
            case "logprobs" or "web_search_options":
                Only(name, value, "false");
                break;
            case "top_logprobs":
                Only(name, value, "0");
                break;
            case "logit_bias":
                Only(name, value, "{}");
                break;
            case "service_tier":
                Only(name, value, "\"auto\"", "\"default\"");
                break;
            case "modalities":
                Only(name, value, "[\"text\"]");
                break;
            case "response_format":
                TakeFormat(name, value);
                break;
            case "verbosity":
                Verbosity = Text(name, value);
                break;
            case "stream_options":
                foreach (var member in value.ValueKind == JsonValueKind.Null ? [] : Members(name, value))
                {
                    if (member.Name != "include_usage")
                    {
                        Only($"{name}.{member.Name}", member.Value, "false");
                    }
                }

                break;
            default:
                Only(name, value);
                break;
        }
    }

    private void TakeFormat(string field, JsonElement value)
    {
        foreach (var member in value.ValueKind == JsonValueKind.Null ? [] : Members(field, value))
        {
            if (member.Name == "json_schema")
            {
                Format = ReadSchema($"{field}.json_schema", Members($"{field}.json_schema", member.Value));
            }
            else if (member.Name != "type")
            {
                Only($"{field}.{member.Name}", member.Value);
            }
            else if (member.Value.ValueEquals("json_object"))
            {
                Format ??= new OutputFormat("json_object", null, null, null, null);
            }
            else
            {
                Only($"{field}.type", member.Value, "\"text\"", "\"json_schema\"");
            }
        }
    }

    private void TakeStop(JsonElement value)
    {
        if (value.ValueKind == JsonValueKind.Array)
        {
            Stop.AddRange(value.EnumerateArray().Select(one => one.GetString() ?? ""));
        }
        else if (Text("stop", value) is { } only)
        {
            Stop.Add(only);
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
            && value.TryGetProperty("function", out var function) && function.TryGetProperty("name", out var name))
        {
            return new ToolChoice(ToolUse.One, name.GetString());
        }

        Only("tool_choice", value);
        return null;
    }

    private void TakeTool(string field, JsonElement tool)
    {
        foreach (var member in Members(field, tool))
        {
            if (member.Name == "function")
            {
                Tools.Add(ReadFunction($"{field}.function", member.Value));
            }
            else
            {
                Only($"{field}.{member.Name}", member.Value, member.Name == "type" ? "\"function\"" : "");
            }
        }
    }

    private Tool ReadFunction(string field, JsonElement function)
    {
        var tool = new Tool("", null, Schemas.Empty, null);
        foreach (var member in Members(field, function))
        {
            tool = member.Name switch
            {
                "name" => tool with { Name = Text($"{field}.name", member.Value) ?? "" },
                "description" => tool with { Description = Text($"{field}.description", member.Value) },
                "parameters" when member.Value.ValueKind == JsonValueKind.Object => tool with { Schema = member.Value.GetRawText() },
                "strict" when member.Value.ValueKind != JsonValueKind.Null => tool with { IsStrict = member.Value.GetBoolean() },
                _ => Left($"{field}.{member.Name}", member.Value, tool),
            };
        }

        return tool;
    }

    private Tool Left(string field, JsonElement value, Tool tool)
    {
        Only(field, value);
        return tool;
    }
}
