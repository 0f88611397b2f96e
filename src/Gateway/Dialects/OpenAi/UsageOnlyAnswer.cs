using System.Buffers;
using System.Text.Json;
using Crew.Gateway.Metering;

namespace Crew.Gateway.Dialects.OpenAi;

/// <summary>Reads an answer of which only the usage, and how much of it there is, matters: vectors, images, transcripts, completions.</summary>
internal static class UsageOnlyAnswer
{
    public static AnswerFacts Read(ReadOnlySequence<byte> body, bool hasOutput, Operation operation)
    {
        var reader = new Utf8JsonReader(body);
        TokenCounts? usage = null;
        var (isError, hasData, images, text, seconds) = (false, false, 0L, 0L, 0L);
        try
        {
            if (!reader.Read() || reader.TokenType != JsonTokenType.StartObject)
            {
                return default;
            }

            while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
            {
                var (isUsage, saysError, isData) = (reader.Is("usage"u8), reader.Is("error"u8), reader.Is("data"u8));
                var (isText, isDuration) = (reader.Is("text"u8) || reader.Is("choices"u8), reader.Is("duration"u8));
                hasData |= isData || isText || reader.Is("results"u8);
                reader.Read();
                if (isUsage)
                {
                    usage = UsageObject.Read(ref reader, hasOutput) ?? usage;
                }
                else if (isData && IsOfImages(operation))
                {
                    images = ItemsOf(ref reader);
                }
                else if (isText)
                {
                    text += reader.TokenType == JsonTokenType.String ? ChatText.TextBytes(ref reader) : ChatText.OfMessage(ref reader);
                }
                else
                {
                    seconds = isDuration && reader.TokenType == JsonTokenType.Number ? UsageObject.Seconds(ref reader) ?? seconds : seconds;
                    isError |= saysError && reader.TokenType is not (JsonTokenType.Null or JsonTokenType.False);
                    reader.Skip();
                }
            }

            reader.Read();
            usage ??= seconds > 0 && operation is Operation.Transcriptions or Operation.Translations ? new TokenCounts { Seconds = seconds } : null;
            return new AnswerFacts(WithImages(usage, operation), null, text, true) { IsError = isError && !hasData, Images = images };
        }
        catch (JsonException)
        {
            return default;
        }
    }

    private static bool IsOfImages(Operation operation) => operation is Operation.ImageGenerations or Operation.ImageEdits or Operation.ImageVariations;

    /// <summary>The output of these endpoints is pictures, whether or not the usage says so.</summary>
    public static TokenCounts? WithImages(TokenCounts? usage, Operation operation) => usage is { } counts && IsOfImages(operation) && counts.ImageOutput == 0
        ? counts with { ImageOutput = counts.Output, Output = 0 } : usage;

    private static long ItemsOf(ref Utf8JsonReader reader)
    {
        var (items, depth) = (0L, reader.CurrentDepth);
        if (reader.TokenType != JsonTokenType.StartArray)
        {
            reader.Skip();
            return 0;
        }

        while (reader.Read() && reader.CurrentDepth > depth)
        {
            items++;
            reader.Skip();
        }

        return items;
    }
}
