using System.Text.Json;

namespace Crew.Gateway.Dialects.Translation;

/// <summary>Pieces of the responses dialect that requests and answers share.</summary>
internal static class ResponseParts
{
    /// <summary>Between two paragraphs of a summary.</summary>
    public const string Paragraph = "\n\n";

    /// <summary>Before what only its provider can read, so that it goes back as what it was and not as a signature.</summary>
    private const string Redacted = "redacted_thinking:";

    /// <summary>Reasoning by its text and its seal.</summary>
    public static Part Thought(string text, string? seal) =>
        seal?.StartsWith(Redacted, StringComparison.Ordinal) == true ? new SealedThinkingPart(seal[Redacted.Length..]) : new ThinkingPart(text, seal);

    public static string Seal(SealedThinkingPart hidden) => Redacted + hidden.Data;

    /// <summary>The members of an item of reasoning, beside its type and id.</summary>
    public static void WriteThought(Utf8JsonWriter json, string text, string? seal)
    {
        json.WriteStartArray("summary"u8);
        if (text.Length > 0)
        {
            json.WriteStartObject();
            json.WriteString("type"u8, "summary_text"u8);
            json.WriteString("text"u8, text);
            json.WriteEndObject();
        }

        json.WriteEndArray();
        if (seal is not null)
        {
            json.WriteString("encrypted_content"u8, seal);
        }
    }

    /// <summary>The members of an item that calls a tool, beside its type and id.</summary>
    public static void WriteCall(Utf8JsonWriter json, string callId, string name, string arguments)
    {
        json.WriteString("call_id"u8, callId);
        json.WriteString("name"u8, name);
        json.WriteString("arguments"u8, arguments);
    }

    /// <summary>A text that the model said.</summary>
    public static void WriteText(Utf8JsonWriter json, string text)
    {
        json.WriteStartObject();
        json.WriteString("type"u8, "output_text"u8);
        json.WriteString("text"u8, text);
        json.WriteStartArray("annotations"u8);
        json.WriteEndArray();
        json.WriteEndObject();
    }
}
