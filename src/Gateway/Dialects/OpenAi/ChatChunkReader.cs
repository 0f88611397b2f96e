using System.Buffers;
using System.Text.Json;
using Crew.Gateway.Forwarding;
using Crew.Gateway.Metering;

namespace Crew.Gateway.Dialects.OpenAi;

/// <summary>
/// Learns from the chunks of one streamed completion what metering needs, and says which of them end it. Most chunks are read by
/// searching for a few quoted names: inside a JSON string a quote is escaped, so text cannot look like a member.
/// </summary>
internal sealed class ChatChunkReader(bool clientWantsUsage, int choices = 1) : EventReader
{
    /// <summary>A longer first chunk is not kept; an ending of our own then has no id.</summary>
    private const int MaxFirstBytes = 4_096;

    private byte[]? _first;

    public override FrameFate Read(ReadOnlySpan<byte> data, bool isErrorEvent)
    {
        if (data.Trim(" \t"u8).SequenceEqual("[DONE]"u8))
        {
            IsDone = true;
            return FrameFate.Hold;
        }

        _first ??= data.Length <= MaxFirstBytes ? data.ToArray() : [];
        TextBytes += ChatText.OfDeltas(data);
        FinishReason = ChatText.FinishReason(data) ?? FinishReason;
        SawError |= isErrorEvent;
        if (!isErrorEvent && !ChatText.HasValue(data, "\"usage\""u8) && !ChatText.HasValue(data, "\"error\""u8))
        {
            return FrameFate.Pass;
        }

        var chunk = default(ChunkMembers);
        try
        {
            chunk.Read(data);
        }
        catch (JsonException)
        {
            // The client's own reader will say so; for us the chunk tells nothing but that it is an error.
            SawError |= chunk.HasError;
            return isErrorEvent || chunk.HasError ? FrameFate.Hold : FrameFate.Pass;
        }

        SawError |= chunk.HasError;
        Usage = chunk.Usage ?? Usage;
        if (isErrorEvent || chunk.HasError)
        {
            return FrameFate.Hold;
        }

        if (chunk is { HasUsage: true, HasChoices: false })
        {
            return clientWantsUsage ? FrameFate.Hold : FrameFate.Strip;
        }

        // Some providers put the usage into the last chunk of text, others into every chunk; only the former is an end.
        return chunk.HasUsage && FinishReason is not null ? FrameFate.Hold : FrameFate.Pass;
    }

    /// <summary>A chunk that finishes every choice by <c>length</c>, the usage where the client asked for it, and <c>[DONE]</c>.</summary>
    public override void WriteCapReached(IBufferWriter<byte> output, in TokenCounts charged)
    {
        ChatEnding.Write(output, _first, choices, clientWantsUsage ? charged : null);
        IsDone = true;
    }

    public override bool ReadsError(ReadOnlySpan<byte> beginning, bool isErrorEvent)
    {
        var chunk = default(ChunkMembers);
        try
        {
            chunk.Read(beginning);
        }
        catch (JsonException)
        {
            // It goes on where we stopped reading.
        }

        SawError |= isErrorEvent || chunk.HasError;
        return SawError;
    }

    private ref struct ChunkMembers
    {
        /// <summary>Stays set where the value of <c>error</c> is longer than what there is to read.</summary>
        private bool _isInError;

        public TokenCounts? Usage { get; private set; }

        public bool HasUsage { get; private set; }

        public bool HasChoices { get; private set; }

        public bool HasError { get => field || _isInError; private set; }

        public void Read(ReadOnlySpan<byte> data)
        {
            var reader = new Utf8JsonReader(data);
            if (!reader.Read() || reader.TokenType != JsonTokenType.StartObject)
            {
                return;
            }

            var tier = ServiceTier.Unsaid;
            while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
            {
                var (usage, choices, error, groq, served) = reader.ValueIsEscaped ? default : (reader.ValueTextEquals("usage"u8),
                    reader.ValueTextEquals("choices"u8), reader.ValueTextEquals("error"u8), reader.ValueTextEquals("x_groq"u8),
                    reader.ValueTextEquals("service_tier"u8));
                _isInError = error;
                reader.Read();
                _isInError = false;
                if (usage)
                {
                    ReadUsage(ref reader);
                }
                else if (served)
                {
                    tier = ServiceTiers.Read(ref reader);
                }
                else if (groq && reader.TokenType == JsonTokenType.StartObject)
                {
                    ReadGroq(ref reader);
                }
                else
                {
                    HasError |= error && reader.TokenType is not (JsonTokenType.Null or JsonTokenType.False);
                    HasChoices |= choices && HasItems(ref reader);
                    reader.Skip();
                }
            }

            Usage = Usage.At(tier);
        }

        private void ReadUsage(ref Utf8JsonReader reader)
        {
            HasUsage |= reader.TokenType == JsonTokenType.StartObject;
            Usage = UsageObject.Read(ref reader) ?? Usage;
        }

        private void ReadGroq(ref Utf8JsonReader reader)
        {
            while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
            {
                var usage = !reader.ValueIsEscaped && reader.ValueTextEquals("usage"u8);
                reader.Read();
                if (usage)
                {
                    ReadUsage(ref reader);
                }
                else
                {
                    reader.Skip();
                }
            }
        }

        private static bool HasItems(ref Utf8JsonReader reader)
        {
            var ahead = reader;
            return reader.TokenType == JsonTokenType.StartArray && ahead.Read() && ahead.TokenType != JsonTokenType.EndArray;
        }
    }
}
