using System.Buffers;
using System.Text.Json;
using Crew.Gateway.Metering;

namespace Crew.Gateway.Dialects.OpenAi;

/// <summary>Reads a completion that arrived in one piece; its finish reason is that of the last choice, its text that of all choices.</summary>
internal static class ChatAnswer
{
    private const int MaxDepthLevels = 512;

    /// <summary>Reads an answer. Nothing that a provider may send makes this throw.</summary>
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

    private static AnswerFacts ReadMembers(ref Utf8JsonReader reader)
    {
        var (answer, tier) = (default(AnswerFacts), ServiceTier.Unsaid);
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            var (usage, choices, error, served) = (reader.Is("usage"u8), reader.Is("choices"u8), reader.Is("error"u8), reader.Is("service_tier"u8));
            reader.Read();
            if (usage)
            {
                answer = answer with { Usage = UsageObject.Read(ref reader) ?? answer.Usage };
            }
            else if (served)
            {
                tier = ServiceTiers.Read(ref reader);
            }
            else if (choices && reader.TokenType == JsonTokenType.StartArray)
            {
                answer = ReadChoices(ref reader, answer);
            }
            else
            {
                answer = answer with { IsError = answer.IsError || (error && reader.TokenType is not (JsonTokenType.Null or JsonTokenType.False)) };
                reader.Skip();
            }
        }

        answer = answer with { Usage = answer.Usage.At(tier) };
        return answer.FinishReason is null && answer.TextBytes == 0 ? answer : answer with { IsError = false };
    }

    private static AnswerFacts ReadChoices(ref Utf8JsonReader reader, AnswerFacts answer)
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
