using System.Text.Json;
using Crew.Kernel;

namespace Crew.Gateway.Dialects.Translation;

/// <summary>Writes <c>/v1/messages</c>.</summary>
internal sealed class MessageRequestWriter : RequestWriter
{
    public override Fault? Check(Conversation conversation, WriteTerms terms)
    {
        if (terms.OutputCap is null)
        {
            return GatewayFaults.NotCarried(conversation.Names.Cap, "is asked for by the model's provider. Send it, or have max_output_tokens set on the model.");
        }

        if (conversation.Temperature is { } temperature && decimal.TryParse(temperature, System.Globalization.NumberStyles.Float,
            System.Globalization.CultureInfo.InvariantCulture, out var number) && number > 1)
        {
            return GatewayFaults.NotCarried("temperature", "can be carried up to 1 only.");
        }

        if ((conversation.Format is null ? conversation.Verbosity is null ? null : conversation.Names.Verbosity : conversation.Names.Format) is { } unknown)
        {
            return GatewayFaults.NotCarried(unknown, "has no counterpart in the dialect of the model's provider.");
        }

        return conversation.Turns.SelectMany(static turn => turn.Parts).Any(static part => part is ThinkingPart { Signature: null })
            ? GatewayFaults.NotCarried(conversation.Names.Reasoning, "has no signature of the model's provider. Give it back as it came, `reasoning_details` or `encrypted_content` included.")
            : null;
    }

    protected override void Write(Utf8JsonWriter json, Conversation conversation, WriteTerms terms)
    {
        json.WriteNumber("max_tokens"u8, terms.OutputCap!.Value);
        if (conversation.System.Count > 0)
        {
            json.WriteStartArray("system"u8);
            foreach (var text in conversation.System)
            {
                MessageParts.Write(json, new TextPart(text));
            }

            json.WriteEndArray();
        }

        json.WriteStartArray("messages"u8);
        foreach (var turn in conversation.Turns)
        {
            json.WriteStartObject();
            json.WriteString("role"u8, turn.IsAssistant ? "assistant"u8 : "user"u8);
            json.WriteStartArray("content"u8);
            foreach (var part in turn.Parts)
            {
                MessageParts.Write(json, part);
            }

            json.WriteEndArray();
            json.WriteEndObject();
        }

        json.WriteEndArray();
        WriteTools(json, conversation);
        WriteNumber(json, "temperature", conversation.Temperature);
        WriteNumber(json, "top_p", conversation.TopP);
        if (conversation.Stop.Count > 0)
        {
            json.WriteStartArray("stop_sequences"u8);
            conversation.Stop.ToList().ForEach(json.WriteStringValue);
            json.WriteEndArray();
        }

        WriteEffort(json, conversation.Effort);
        if (conversation.User is { } user)
        {
            json.WriteStartObject("metadata"u8);
            json.WriteString("user_id"u8, user);
            json.WriteEndObject();
        }

        if (terms.Stream)
        {
            json.WriteBoolean("stream"u8, true);
        }
    }

    private static void WriteEffort(Utf8JsonWriter json, string? effort)
    {
        if (effort is not null)
        {
            json.WriteStartObject("thinking"u8);
            json.WriteString("type"u8, "adaptive"u8);
            json.WriteEndObject();
            json.WriteStartObject("output_config"u8);
            json.WriteString("effort"u8, effort);
            json.WriteEndObject();
        }
    }

    private static void WriteTools(Utf8JsonWriter json, Conversation conversation)
    {
        if (conversation.Tools.Count > 0)
        {
            json.WriteStartArray("tools"u8);
            foreach (var tool in conversation.Tools)
            {
                json.WriteStartObject();
                json.WriteString("name"u8, tool.Name);
                if (tool.Description is { } description)
                {
                    json.WriteString("description"u8, description);
                }

                WriteRaw(json, "input_schema", tool.Schema);
                if (tool.IsStrict is { } strict)
                {
                    json.WriteBoolean("strict"u8, strict);
                }

                json.WriteEndObject();
            }

            json.WriteEndArray();
        }

        if (conversation.Choice is null && conversation.IsParallel is null)
        {
            return;
        }

        json.WriteStartObject("tool_choice"u8);
        json.WriteString("type"u8, conversation.Choice?.Use switch
        {
            ToolUse.None => "none"u8,
            ToolUse.Any => "any"u8,
            ToolUse.One => "tool"u8,
            _ => "auto"u8,
        });
        if (conversation.Choice is { Use: ToolUse.One, Name: { } name })
        {
            json.WriteString("name"u8, name);
        }

        if (conversation.IsParallel is { } parallel && conversation.Choice?.Use != ToolUse.None)
        {
            json.WriteBoolean("disable_parallel_tool_use"u8, !parallel);
        }

        json.WriteEndObject();
    }
}
