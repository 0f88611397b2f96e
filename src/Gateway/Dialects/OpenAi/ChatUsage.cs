using System.Text.Json;
using Crew.Gateway.Metering;

namespace Crew.Gateway.Dialects.OpenAi;

/// <summary>Writes counts as the <c>usage</c> of a completion, where cached tokens and reasoning are parts of their wholes.</summary>
internal static class ChatUsage
{
    public static void Write(Utf8JsonWriter json, in TokenCounts counts)
    {
        json.WriteStartObject("usage"u8);
        json.WriteNumber("prompt_tokens"u8, counts.AllInput);
        json.WriteNumber("completion_tokens"u8, counts.AllOutput);
        json.WriteNumber("total_tokens"u8, counts.AllInput + counts.AllOutput);
        json.WriteStartObject("prompt_tokens_details"u8);
        json.WriteNumber("cached_tokens"u8, counts.CacheRead);
        json.WriteEndObject();
        json.WriteStartObject("completion_tokens_details"u8);
        json.WriteNumber("reasoning_tokens"u8, counts.Reasoning);
        json.WriteEndObject();
        json.WriteEndObject();
    }
}
