using System.Buffers;
using System.Text.Json;
using Crew.Gateway.Metering;

namespace Crew.Gateway.Dialects.OpenAi;

/// <summary>What metering needs of a completion that arrived in one piece. It holds no content.</summary>
/// <param name="Usage">The provider's counts; null where it sent none that make sense.</param>
/// <param name="FinishReason">Of the last choice: a word of the dialect, <c>other</c>, or null.</param>
/// <param name="TextBytes">UTF-8 bytes of text, reasoning and tool calls in all choices.</param>
/// <param name="IsJson">The body is one JSON object; else it can be passed on but not metered.</param>
internal readonly record struct ChatAnswer(TokenCounts? Usage, string? FinishReason, long TextBytes, bool IsJson)
{
    private const int MaxDepthLevels = 512;

    /// <summary>Reads an answer. Nothing that a provider may send makes this throw.</summary>
    public static ChatAnswer Read(ReadOnlySequence<byte> body)
    {
        var answer = default(ChatAnswer);
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

    private static ChatAnswer ReadMembers(ref Utf8JsonReader reader)
    {
        var answer = default(ChatAnswer);
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            var (usage, choices) = reader.ValueIsEscaped
                ? default : (reader.ValueTextEquals("usage"u8), reader.ValueTextEquals("choices"u8));
            reader.Read();
            if (usage)
            {
                answer = answer with { Usage = UsageObject.Read(ref reader) ?? answer.Usage };
            }
            else if (choices && reader.TokenType == JsonTokenType.StartArray)
            {
                answer = ReadChoices(ref reader, answer);
            }
            else
            {
                reader.Skip();
            }
        }

        return answer;
    }

    private static ChatAnswer ReadChoices(ref Utf8JsonReader reader, ChatAnswer answer)
    {
        var depth = reader.CurrentDepth;
        while (reader.Read() && reader.CurrentDepth > depth)
        {
            if (reader.TokenType != JsonTokenType.PropertyName || reader.ValueIsEscaped || reader.CurrentDepth != depth + 2)
            {
                continue;
            }

            if (reader.ValueTextEquals("message"u8))
            {
                reader.Read();
                answer = answer with { TextBytes = answer.TextBytes + ChatText.OfMessage(ref reader) };
            }
            else if (reader.ValueTextEquals("finish_reason"u8))
            {
                reader.Read();
                answer = answer with { FinishReason = ChatText.Word(ref reader) ?? answer.FinishReason };
            }
        }

        return answer;
    }
}
