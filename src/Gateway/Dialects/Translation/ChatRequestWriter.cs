using System.Text.Json;
using Crew.Kernel;

namespace Crew.Gateway.Dialects.Translation;

/// <summary>Writes <c>/v1/chat/completions</c>.</summary>
internal sealed class ChatRequestWriter : RequestWriter
{
    private const int MaxStops = 4;

    public override Fault? Check(Conversation conversation, WriteTerms terms) => conversation.Stop.Count > MaxStops
        ? GatewayFaults.NotCarried(conversation.Names.Stop, $"can be carried up to {MaxStops} texts.")
        : CheckTurns(conversation, part => CheckPart(part, conversation.Names));

    protected override void Write(Utf8JsonWriter json, Conversation conversation, WriteTerms terms)
    {
        json.WriteStartArray("messages"u8);
        WriteSystem(json, conversation.System);
        foreach (var turn in conversation.Turns)
        {
            if (turn.IsAssistant)
            {
                WriteAssistant(json, turn.Parts);
            }
            else
            {
                WriteUser(json, turn.Parts);
            }
        }

        json.WriteEndArray();
        WriteTools(json, conversation);
        if (terms.OutputCap is { } cap)
        {
            json.WriteNumber("max_completion_tokens"u8, cap);
        }

        WriteNumber(json, "temperature", conversation.Temperature);
        WriteNumber(json, "top_p", conversation.TopP);
        if (conversation.Stop.Count > 0)
        {
            json.WriteStartArray("stop"u8);
            conversation.Stop.ToList().ForEach(json.WriteStringValue);
            json.WriteEndArray();
        }

        if (conversation.Effort is { } effort)
        {
            json.WriteString("reasoning_effort"u8, effort);
        }

        if (conversation.Format is { } format)
        {
            WriteFormat(json, format);
        }

        if (conversation.Verbosity is { } verbosity)
        {
            json.WriteString("verbosity"u8, verbosity);
        }

        if (conversation.User is { } user)
        {
            json.WriteString("user"u8, user);
        }

        if (terms.Stream)
        {
            WriteStream(json, terms);
        }
    }

    private static void WriteStream(Utf8JsonWriter json, WriteTerms terms)
    {
        json.WriteBoolean("stream"u8, true);
        if (!terms.IsUsageRefused)
        {
            json.WriteStartObject("stream_options"u8);
            json.WriteBoolean("include_usage"u8, true);
            json.WriteEndObject();
        }
    }

    private static void WriteFormat(Utf8JsonWriter json, OutputFormat format)
    {
        json.WriteStartObject("response_format"u8);
        json.WriteString("type"u8, format.Type);
        if (format.Type == "json_schema")
        {
            json.WriteStartObject("json_schema"u8);
            WriteSchema(json, format);
            json.WriteEndObject();
        }

        json.WriteEndObject();
    }

    private static Fault? CheckPart(Part part, FieldNames names) => part switch
    {
        SealedThinkingPart => GatewayFaults.NotCarried(names.Sealed, "can be read by the provider that wrote it only."),
        ThinkingPart { Signature: not null } => GatewayFaults.NotCarried(names.Signature, "can be read by the provider that wrote it only."),
        ResultPart { IsError: true } => GatewayFaults.NotCarried(names.ResultError, "has no counterpart; say it in the content of the result."),
        ResultPart result when Texts(result) is null => GatewayFaults.NotCarried(names.ResultContent, "can be carried as text only."),
        _ => null,
    };

    private static void WriteSystem(Utf8JsonWriter json, IReadOnlyList<string> system)
    {
        if (system.Count > 0)
        {
            json.WriteStartObject();
            json.WriteString("role"u8, "system"u8);
            WriteTexts(json, system);
            json.WriteEndObject();
        }
    }

    private static void WriteUser(Utf8JsonWriter json, IReadOnlyList<Part> parts)
    {
        foreach (var result in parts.OfType<ResultPart>())
        {
            json.WriteStartObject();
            json.WriteString("role"u8, "tool"u8);
            json.WriteString("tool_call_id"u8, result.CallId);
            WriteTexts(json, [.. Texts(result)!]);
            json.WriteEndObject();
        }

        var said = parts.Where(static part => part is not ResultPart).ToList();
        if (said.Count == 0)
        {
            return;
        }

        json.WriteStartObject();
        json.WriteString("role"u8, "user"u8);
        if (said is [TextPart only])
        {
            json.WriteString("content"u8, only.Text);
        }
        else
        {
            json.WriteStartArray("content"u8);
            said.ForEach(part => WritePart(json, part));
            json.WriteEndArray();
        }

        json.WriteEndObject();
    }

    private static void WriteAssistant(Utf8JsonWriter json, IReadOnlyList<Part> parts)
    {
        json.WriteStartObject();
        json.WriteString("role"u8, "assistant"u8);
        var texts = parts.OfType<TextPart>().Select(static part => part.Text).ToList();
        if (texts.Count > 0)
        {
            WriteTexts(json, texts);
        }
        else
        {
            json.WriteNull("content"u8);
        }

        if (parts.OfType<ThinkingPart>().ToList() is { Count: > 0 } thinking)
        {
            json.WriteString("reasoning_content"u8, string.Concat(thinking.Select(static part => part.Text)));
        }

        if (parts.OfType<CallPart>().ToList() is { Count: > 0 } calls)
        {
            json.WriteStartArray("tool_calls"u8);
            calls.ForEach(call => ChatParts.WriteCall(json, call, null));
            json.WriteEndArray();
        }

        json.WriteEndObject();
    }

    private static void WriteTexts(Utf8JsonWriter json, IReadOnlyList<string> texts)
    {
        if (texts.Count <= 1)
        {
            json.WriteString("content"u8, texts.Count == 0 ? "" : texts[0]);
            return;
        }

        json.WriteStartArray("content"u8);
        foreach (var text in texts)
        {
            WritePart(json, new TextPart(text));
        }

        json.WriteEndArray();
    }

    private static void WritePart(Utf8JsonWriter json, Part part)
    {
        json.WriteStartObject();
        if (part is ImagePart image)
        {
            json.WriteString("type"u8, "image_url"u8);
            json.WriteStartObject("image_url"u8);
            json.WriteString("url"u8, DataUrl(image));
            json.WriteEndObject();
        }
        else
        {
            json.WriteString("type"u8, "text"u8);
            json.WriteString("text"u8, ((TextPart)part).Text);
        }

        json.WriteEndObject();
    }

    private static void WriteTools(Utf8JsonWriter json, Conversation conversation)
    {
        if (conversation.Tools.Count > 0)
        {
            json.WriteStartArray("tools"u8);
            foreach (var tool in conversation.Tools)
            {
                json.WriteStartObject();
                json.WriteString("type"u8, "function"u8);
                json.WriteStartObject("function"u8);
                json.WriteString("name"u8, tool.Name);
                if (tool.Description is { } description)
                {
                    json.WriteString("description"u8, description);
                }

                WriteRaw(json, "parameters", tool.Schema);
                if (tool.IsStrict is { } strict)
                {
                    json.WriteBoolean("strict"u8, strict);
                }

                json.WriteEndObject();
                json.WriteEndObject();
            }

            json.WriteEndArray();
        }

        if (conversation.Choice is { Use: ToolUse.One } one)
        {
            json.WriteStartObject("tool_choice"u8);
            json.WriteString("type"u8, "function"u8);
            json.WriteStartObject("function"u8);
            json.WriteString("name"u8, one.Name);
            json.WriteEndObject();
            json.WriteEndObject();
        }
        else if (conversation.Choice is { } choice)
        {
            json.WriteString("tool_choice"u8, choice.Use switch { ToolUse.None => "none"u8, ToolUse.Any => "required"u8, _ => "auto"u8 });
        }

        if (conversation.IsParallel is { } parallel)
        {
            json.WriteBoolean("parallel_tool_calls"u8, parallel);
        }
    }
}
