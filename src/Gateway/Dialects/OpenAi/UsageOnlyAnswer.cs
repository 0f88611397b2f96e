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
        try
        {
            if (!reader.Read() || reader.TokenType != JsonTokenType.StartObject)
            {
                return default;
            }

            while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
            {
                var isUsage = reader.ValueTextEquals("usage"u8);
                reader.Read();
                if (isUsage)
                {
                    usage = UsageObject.Read(ref reader, hasOutput) ?? usage;
                }
                else
                {
                    reader.Skip();
                }
            }

            reader.Read();
            return new AnswerFacts(usage, null, 0, true);
        }
        catch (JsonException)
        {
            return default;
        }
    }
}
