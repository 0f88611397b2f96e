using System.Buffers;
using System.Text.Json;
using Crew.Gateway.Dialects.OpenAi;

namespace Crew.Gateway.Dialects.Anthropic;

/// <summary>Reads a message that arrived in one piece.</summary>
internal static class MessageAnswer
{
    private const int MaxDepthLevels = 512;

    /// <summary>Nothing that a provider may send makes this throw.</summary>
    public static AnswerFacts Read(ReadOnlySequence<byte> body)
    {
        var answer = default(AnswerFacts);
        var reader = new Utf8JsonReader(body, new JsonReaderOptions { MaxDepth = MaxDepthLevels });
        try
        {
            if (reader.Read() && reader.TokenType == JsonTokenType.StartObject)
            {
                answer = ReadMembers(ref reader) with { IsJson = true };
                reader.Read();
            }

            return answer;
        }
        catch (JsonException)
        {
            return default;
        }
    }

    /// <summary>The stop reason that the reader stands on: a word of the dialect, <c>other</c> for a provider's own, or null.</summary>
    public static string? StopReason(ref Utf8JsonReader reader)
    {
        if (reader.TokenType != JsonTokenType.String)
        {
            reader.Skip();
            return null;
        }

        return reader.Is("end_turn"u8) ? "end_turn"
            : reader.Is("max_tokens"u8) ? "max_tokens"
            : reader.Is("tool_use"u8) ? "tool_use"
            : reader.Is("stop_sequence"u8) ? "stop_sequence"
            : reader.Is("refusal"u8) ? "refusal"
            : reader.Is("pause_turn"u8) ? "pause_turn"
            : "other";
    }

    private static AnswerFacts ReadMembers(ref Utf8JsonReader reader)
    {
        var answer = default(AnswerFacts);
        var usage = default(MessageUsage);
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            var (isUsage, isContent, isReason, isError) =
                (reader.Is("usage"u8), reader.Is("content"u8), reader.Is("stop_reason"u8), reader.Is("error"u8));
            reader.Read();
            if (isUsage)
            {
                usage.Take(ref reader);
            }
            else if (isContent)
            {
                answer = answer with { TextBytes = answer.TextBytes + ChatText.OfMessage(ref reader) };
            }
            else if (isReason)
            {
                answer = answer with { FinishReason = StopReason(ref reader) };
            }
            else
            {
                answer = answer with { IsError = answer.IsError || (isError && reader.TokenType is not (JsonTokenType.Null or JsonTokenType.False)) };
                reader.Skip();
            }
        }

        return answer with { Usage = usage.ToCounts(), IsError = answer is { IsError: true, FinishReason: null, TextBytes: 0 } };
    }
}
