using System.Text.Json;

namespace Crew.Gateway.Dialects.Translation;

/// <summary>Content blocks of the Anthropic dialect, as requests and answers share them.</summary>
internal static class MessageParts
{
    public static void Write(Utf8JsonWriter json, Part part)
    {
        json.WriteStartObject();
        switch (part)
        {
            case TextPart text:
                json.WriteString("type"u8, "text"u8);
                json.WriteString("text"u8, text.Text);
                break;
            case ThinkingPart thinking:
                json.WriteString("type"u8, "thinking"u8);
                json.WriteString("thinking"u8, thinking.Text);
                json.WriteString("signature"u8, thinking.Signature ?? "");
                break;
            case SealedThinkingPart hidden:
                json.WriteString("type"u8, "redacted_thinking"u8);
                json.WriteString("data"u8, hidden.Data);
                break;
            case CallPart call:
                json.WriteString("type"u8, "tool_use"u8);
                json.WriteString("id"u8, call.Id);
                json.WriteString("name"u8, call.Name);
                json.WritePropertyName("input"u8);
                json.WriteRawValue(call.Arguments, skipInputValidation: true);
                break;
            case ResultPart result:
                WriteResult(json, result);
                break;
            case ImagePart image:
                WriteImage(json, image);
                break;
        }

        json.WriteEndObject();
    }

    private static void WriteResult(Utf8JsonWriter json, ResultPart result)
    {
        json.WriteString("type"u8, "tool_result"u8);
        json.WriteString("tool_use_id"u8, result.CallId);
        json.WriteStartArray("content"u8);
        foreach (var part in result.Content)
        {
            Write(json, part);
        }

        json.WriteEndArray();
        if (result.IsError)
        {
            json.WriteBoolean("is_error"u8, true);
        }
    }

    private static void WriteImage(Utf8JsonWriter json, ImagePart image)
    {
        json.WriteString("type"u8, "image"u8);
        json.WriteStartObject("source"u8);
        if (image.Url is { } url)
        {
            json.WriteString("type"u8, "url"u8);
            json.WriteString("url"u8, url);
        }
        else
        {
            json.WriteString("type"u8, "base64"u8);
            json.WriteString("media_type"u8, image.MediaType);
            json.WriteString("data"u8, image.Data);
        }

        json.WriteEndObject();
    }
}
