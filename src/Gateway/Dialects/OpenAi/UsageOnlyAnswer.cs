using System.Buffers;
using System.Text.Json;
using Crew.Gateway.Metering;

namespace Crew.Gateway.Dialects.OpenAi;

/// <summary>Reads an answer of which only the usage matters: vectors, images, transcripts.</summary>
internal static class UsageOnlyAnswer
{
    public static AnswerFacts Read(ReadOnlySequence<byte> body, bool hasOutput)
    {
        var reader = new Utf8JsonReader(body);
        TokenCounts? usage = null;
        var (isError, hasData) = (false, false);
        try
        {
            if (!reader.Read() || reader.TokenType != JsonTokenType.StartObject)
            {
                return default;
            }

            while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
            {
                var (isUsage, saysError) = (reader.Is("usage"u8), reader.Is("error"u8));
                hasData |= reader.Is("data"u8) || reader.Is("text"u8) || reader.Is("choices"u8) || reader.Is("results"u8);
                reader.Read();
                if (isUsage)
                {
                    usage = UsageObject.Read(ref reader, hasOutput) ?? usage;
                }
                else
                {
                    isError |= saysError && reader.TokenType is not (JsonTokenType.Null or JsonTokenType.False);
                    reader.Skip();
                }
            }

            reader.Read();
            return new AnswerFacts(usage, null, 0, true) { IsError = isError && !hasData };
        }
        catch (JsonException)
        {
            return default;
        }
    }
}
