using System.Text.Json;

namespace Crew.Gateway.Dialects.Translation;

/// <summary>Pieces of the chat dialect that requests and answers share.</summary>
internal static class ChatParts
{
    /// <param name="index">Where deltas number their calls; null in whole messages.</param>
    public static void WriteCall(Utf8JsonWriter json, CallPart call, int? index)
    {
        json.WriteStartObject();
        if (index is { } number)
        {
            json.WriteNumber("index"u8, number);
        }

        json.WriteString("id"u8, call.Id);
        json.WriteString("type"u8, "function"u8);
        json.WriteStartObject("function"u8);
        json.WriteString("name"u8, call.Name);
        json.WriteString("arguments"u8, call.Arguments);
        json.WriteEndObject();
        json.WriteEndObject();
    }

    /// <summary>Reasoning with what a client has to give back for it, in the form that has become usual: <c>reasoning_details</c>.</summary>
    public static void WriteDetails(Utf8JsonWriter json, IEnumerable<Part> thinking)
    {
        json.WriteStartArray("reasoning_details"u8);
        foreach (var part in thinking)
        {
            json.WriteStartObject();
            if (part is ThinkingPart shown)
            {
                json.WriteString("type"u8, "reasoning.text"u8);
                json.WriteString("text"u8, shown.Text);
                json.WriteString("signature"u8, shown.Signature);
            }
            else
            {
                json.WriteString("type"u8, "reasoning.encrypted"u8);
                json.WriteString("data"u8, ((SealedThinkingPart)part).Data);
            }

            json.WriteEndObject();
        }

        json.WriteEndArray();
    }
}
