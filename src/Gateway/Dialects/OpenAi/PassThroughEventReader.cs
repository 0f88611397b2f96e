using System.Buffers;
using System.Text.Json;
using Crew.Gateway.Forwarding;
using Crew.Gateway.Metering;

namespace Crew.Gateway.Dialects.OpenAi;

/// <summary>Events of images, audio and completions: everything passes; usage, errors and the end are noticed.</summary>
internal sealed class PassThroughEventReader(Operation operation) : EventReader
{
    /// <summary>Images and audio come in base64.</summary>
    public override int MaxFrameBytes => 32 << 20;

    public override FrameFate Read(ReadOnlySpan<byte> data, bool isErrorEvent)
    {
        SawError |= isErrorEvent;
        if (data.SequenceEqual("[DONE]"u8))
        {
            (IsDone, FinishReason) = (true, FinishReason ?? "other");
            return FrameFate.Hold;
        }

        try
        {
            ReadObject(new Utf8JsonReader(data));
        }
        catch (JsonException)
        {
            // Not ours to judge; it passes.
        }

        return FrameFate.Pass;
    }

    /// <summary>Never asked for: no strict budget pays for these endpoints, so none of their answers is cut at a cap.</summary>
    public override void WriteCapReached(IBufferWriter<byte> output, in TokenCounts charged) => output.Write("data: [DONE]\n\n"u8);

    private void ReadObject(Utf8JsonReader reader)
    {
        if (!reader.Read() || reader.TokenType != JsonTokenType.StartObject)
        {
            return;
        }

        while (reader.Read())
        {
            if (reader.TokenType != JsonTokenType.PropertyName)
            {
                continue;
            }

            var (isUsage, isType, isError) = (reader.Is("usage"u8), reader.Is("type"u8), reader.Is("error"u8));
            var isContent = reader.Is("text"u8) || reader.Is("delta"u8) || reader.Is("audio"u8)
                || reader.Is("b64_json"u8);
            reader.Read();
            if (isUsage)
            {
                Usage = UsageOnlyAnswer.WithImages(UsageObject.Read(ref reader), operation) ?? Usage;
            }
            else if (isError)
            {
                SawError |= reader.TokenType != JsonTokenType.Null;
                reader.Skip();
            }
            else if (reader.TokenType == JsonTokenType.String)
            {
                TextBytes += isContent ? reader.ValueSpan.Length : 0;
                if (isType && (reader.ValueSpan.EndsWith(".done"u8) || reader.ValueSpan.EndsWith(".completed"u8)))
                {
                    FinishReason = "other";
                }
            }
        }
    }
}
