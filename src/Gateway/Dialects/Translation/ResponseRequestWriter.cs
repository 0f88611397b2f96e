using System.Text.Json;
using Crew.Kernel;

namespace Crew.Gateway.Dialects.Translation;

/// <summary>Writes <c>/v1/responses</c>; nothing is stored there, so reasoning is asked for in the form in which it can be given back.</summary>
internal sealed class ResponseRequestWriter : RequestWriter
{
    public override Fault? Check(Conversation conversation, WriteTerms terms)
    {
        var names = conversation.Names;
        if (conversation.Stop.Count > 0)
        {
            return GatewayFaults.NotCarried(names.Stop, "has no counterpart in the dialect of the model's provider.");
        }

        foreach (var part in conversation.Turns.SelectMany(static turn => turn.Parts))
        {
            var refused = part switch
            {
                SealedThinkingPart => GatewayFaults.NotCarried(names.Sealed, "can be read by the provider that wrote it only."),
                ThinkingPart { Signature: null } => GatewayFaults.NotCarried(names.Reasoning, "has no signature of the model's provider. Give it back as it came."),
                ResultPart { IsError: true } => GatewayFaults.NotCarried(names.ResultError, "has no counterpart; say it in the content of the result."),
                _ => null,
            };
            if (refused is not null)
            {
                return refused;
            }
        }

        return null;
    }

    protected override void Write(Utf8JsonWriter json, Conversation conversation, WriteTerms terms)
    {
        WriteInput(json, conversation);
        WriteTools(json, conversation);
        if (terms.OutputCap is { } cap)
        {
            json.WriteNumber("max_output_tokens"u8, cap);
        }

        WriteNumber(json, "temperature", conversation.Temperature);
        WriteNumber(json, "top_p", conversation.TopP);
        if (conversation.Effort is { } effort)
        {
            json.WriteStartObject("reasoning"u8);
            json.WriteString("effort"u8, effort);
            json.WriteEndObject();

            // Models that do not reason refuse to be asked for it.
            json.WriteStartArray("include"u8);
            json.WriteStringValue("reasoning.encrypted_content"u8);
            json.WriteEndArray();
        }

        WriteText(json, conversation);
        if (conversation.User is { } user)
        {
            json.WriteString("user"u8, user);
        }

        json.WriteBoolean("store"u8, false);
        if (terms.Stream)
        {
            json.WriteBoolean("stream"u8, true);
        }
    }

    private static void WriteInput(Utf8JsonWriter json, Conversation conversation)
    {
        if (conversation.System is [var only])
        {
            json.WriteString("instructions"u8, only);
        }

        json.WriteStartArray("input"u8);
        if (conversation.System.Count > 1)
        {
            WriteMessage(json, "developer", [.. conversation.System.Select(static text => new TextPart(text))]);
        }

        foreach (var turn in conversation.Turns)
        {
            WriteTurn(json, turn);
        }

        json.WriteEndArray();
    }

    /// <summary>Texts and images that stand together are one message; all else is an item of its own.</summary>
    private static void WriteTurn(Utf8JsonWriter json, Turn turn)
    {
        List<Part> said = [];
        foreach (var part in turn.Parts)
        {
            if (part is TextPart or ImagePart)
            {
                said.Add(part);
                continue;
            }

            WriteMessage(json, turn.IsAssistant ? "assistant" : "user", said);
            said.Clear();
            WriteItem(json, part);
        }

        WriteMessage(json, turn.IsAssistant ? "assistant" : "user", said);
    }

    private static void WriteMessage(Utf8JsonWriter json, string role, IReadOnlyList<Part> parts)
    {
        if (parts.Count == 0)
        {
            return;
        }

        json.WriteStartObject();
        json.WriteString("type"u8, "message"u8);
        json.WriteString("role"u8, role);
        json.WriteStartArray("content"u8);
        foreach (var part in parts)
        {
            WritePart(json, part, role == "assistant");
        }

        json.WriteEndArray();
        json.WriteEndObject();
    }

    private static void WritePart(Utf8JsonWriter json, Part part, bool isOutput)
    {
        if (isOutput && part is TextPart said)
        {
            ResponseParts.WriteText(json, said.Text);
            return;
        }

        json.WriteStartObject();
        if (part is ImagePart image)
        {
            json.WriteString("type"u8, "input_image"u8);
            json.WriteString("image_url"u8, DataUrl(image));
        }
        else
        {
            json.WriteString("type"u8, "input_text"u8);
            json.WriteString("text"u8, ((TextPart)part).Text);
        }

        json.WriteEndObject();
    }

    private static void WriteItem(Utf8JsonWriter json, Part part)
    {
        json.WriteStartObject();
        switch (part)
        {
            case ThinkingPart thought:
                json.WriteString("type"u8, "reasoning"u8);
                ResponseParts.WriteThought(json, thought.Text, thought.Signature);
                break;
            case CallPart call:
                json.WriteString("type"u8, "function_call"u8);
                ResponseParts.WriteCall(json, call.Id, call.Name, call.Arguments);
                break;
            case ResultPart result:
                json.WriteString("type"u8, "function_call_output"u8);
                json.WriteString("call_id"u8, result.CallId);
                WriteResult(json, result);
                break;
        }

        json.WriteEndObject();
    }

    private static void WriteResult(Utf8JsonWriter json, ResultPart result)
    {
        if (result.Content is [TextPart only])
        {
            json.WriteString("output"u8, only.Text);
            return;
        }

        json.WriteStartArray("output"u8);
        foreach (var part in result.Content)
        {
            WritePart(json, part, isOutput: false);
        }

        json.WriteEndArray();
    }

    private static void WriteText(Utf8JsonWriter json, Conversation conversation)
    {
        if (conversation.Format is null && conversation.Verbosity is null)
        {
            return;
        }

        json.WriteStartObject("text"u8);
        if (conversation.Format is { } format)
        {
            json.WriteStartObject("format"u8);
            json.WriteString("type"u8, format.Type);
            WriteSchema(json, format);
            json.WriteEndObject();
        }

        if (conversation.Verbosity is { } verbosity)
        {
            json.WriteString("verbosity"u8, verbosity);
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
                json.WriteString("name"u8, tool.Name);
                if (tool.Description is { } description)
                {
                    json.WriteString("description"u8, description);
                }

                WriteRaw(json, "parameters", tool.Schema);

                // Left out it would be true here, and false in the other dialects.
                json.WriteBoolean("strict"u8, tool.IsStrict ?? false);
                json.WriteEndObject();
            }

            json.WriteEndArray();
        }

        if (conversation.Choice is { Use: ToolUse.One } one)
        {
            json.WriteStartObject("tool_choice"u8);
            json.WriteString("type"u8, "function"u8);
            json.WriteString("name"u8, one.Name);
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
