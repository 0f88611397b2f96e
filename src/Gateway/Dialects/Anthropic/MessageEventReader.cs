using System.Buffers;
using System.Globalization;
using System.Text;
using System.Text.Json;
using Crew.Gateway.Dialects.OpenAi;
using Crew.Gateway.Forwarding;
using Crew.Gateway.Metering;

namespace Crew.Gateway.Dialects.Anthropic;

/// <summary>
/// Learns from the events of one streamed message. The many deltas are told by searching for their quoted type: inside a JSON string a
/// quote is escaped, so text cannot look like one. The few others are parsed.
/// </summary>
internal sealed class MessageEventReader : EventReader
{
    private MessageUsage _usage;
    private long? _openBlock;

    public override FrameFate Read(ReadOnlySpan<byte> data, bool isErrorEvent)
    {
        if (!isErrorEvent && data.IndexOf("\"content_block_delta\""u8) >= 0)
        {
            TextBytes += ChatText.OfDeltas(data);
            return FrameFate.Pass;
        }

        SawError |= isErrorEvent;
        var members = new EventMembers { Usage = _usage };
        try
        {
            members.Read(data);
        }
        catch (JsonException)
        {
            // The client's own reader will say so; for us the event tells nothing but that it is an error.
            SawError |= members.IsError;
            return isErrorEvent || members.IsError || FinishReason is not null ? FrameFate.Hold : FrameFate.Pass;
        }

        return isErrorEvent ? FrameFate.Hold : Take(members);
    }

    /// <summary>Ends the open block, then the message by <c>max_tokens</c>.</summary>
    public override void WriteCapReached(IBufferWriter<byte> output, in TokenCounts charged)
    {
        var text = new StringBuilder();
        if (_openBlock is { } index)
        {
            text.Append(CultureInfo.InvariantCulture, $"event: content_block_stop\ndata: {{\"type\":\"content_block_stop\",\"index\":{index}}}\n\n");
        }

        text.Append("event: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"max_tokens\",\"stop_sequence\":null},")
            .Append(CultureInfo.InvariantCulture, $"\"usage\":{{\"output_tokens\":{charged.AllOutput}}}}}\n\n")
            .Append("event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n");
        output.Write(Encoding.UTF8.GetBytes(text.ToString()));
        IsDone = true;
    }

    private FrameFate Take(in EventMembers members)
    {
        switch (members.Kind)
        {
            case EventKind.MessageStart:
                _usage = members.Usage;
                InputSoFar = _usage.Input();
                return FrameFate.Pass;
            case EventKind.BlockStart:
                _openBlock = members.Index;
                TextBytes += members.NameBytes;
                return FrameFate.Pass;
            case EventKind.BlockStop:
                _openBlock = null;
                return FrameFate.Pass;
            case EventKind.MessageDelta:
                _usage = members.Usage;
                (Usage, InputSoFar) = (_usage.ToCounts() ?? Usage, _usage.Input());
                FinishReason = members.StopReason ?? FinishReason;
                return FrameFate.Hold;
            case EventKind.MessageStop:
                IsDone = true;
                return FrameFate.Hold;
            case EventKind.Ping:
                return FrameFate.Follow;
            default:
                SawError |= members.IsError;
                return members.IsError ? FrameFate.Hold : FrameFate.Follow;
        }
    }

    private enum EventKind
    {
        Other,
        MessageStart,
        BlockStart,
        BlockStop,
        MessageDelta,
        MessageStop,
        Ping,
        Error,
    }

    private ref struct EventMembers
    {
        private bool _hasError;

        public MessageUsage Usage;

        public EventKind Kind { get; private set; }

        public readonly bool IsError => _hasError || Kind == EventKind.Error;

        public long? Index { get; private set; }

        public long NameBytes { get; private set; }

        public string? StopReason { get; private set; }

        public void Read(ReadOnlySpan<byte> data)
        {
            var reader = new Utf8JsonReader(data);
            if (!reader.Read() || reader.TokenType != JsonTokenType.StartObject)
            {
                return;
            }

            while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
            {
                TakeMember(ref reader);
            }
        }

        private void TakeMember(ref Utf8JsonReader reader)
        {
            if (reader.Is("type"u8))
            {
                reader.Read();
                Kind = KindOf(ref reader);
            }
            else if (reader.Is("usage"u8))
            {
                reader.Read();
                Usage.Take(ref reader);
            }
            else if (reader.Is("index"u8))
            {
                reader.Read();
                Index = reader.TokenType == JsonTokenType.Number && reader.TryGetInt64(out var index) ? index : null;
                reader.Skip();
            }
            else if (reader.Is("message"u8) || reader.Is("delta"u8) || reader.Is("content_block"u8))
            {
                reader.Read();
                TakeInner(ref reader);
            }
            else
            {
                var isError = reader.Is("error"u8);
                reader.Read();
                _hasError |= isError && reader.TokenType is not (JsonTokenType.Null or JsonTokenType.False);
                reader.Skip();
            }
        }

        /// <summary>The usage of <c>message</c>, the stop reason of <c>delta</c>, the name of a tool's <c>content_block</c>.</summary>
        private void TakeInner(ref Utf8JsonReader reader)
        {
            if (reader.TokenType != JsonTokenType.StartObject)
            {
                reader.Skip();
                return;
            }

            while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
            {
                var (isUsage, isReason, isName) =
                    (reader.Is("usage"u8), reader.Is("stop_reason"u8), reader.Is("name"u8));
                reader.Read();
                if (isUsage)
                {
                    Usage.Take(ref reader);
                }
                else if (isReason)
                {
                    StopReason = MessageAnswer.StopReason(ref reader);
                }
                else
                {
                    NameBytes += isName && reader.TokenType == JsonTokenType.String ? reader.ValueSpan.Length : 0;
                    reader.Skip();
                }
            }
        }

        private static EventKind KindOf(ref Utf8JsonReader reader)
        {
            if (reader.TokenType != JsonTokenType.String)
            {
                reader.Skip();
                return EventKind.Other;
            }

            return reader.Is("message_start"u8) ? EventKind.MessageStart
                : reader.Is("content_block_start"u8) ? EventKind.BlockStart
                : reader.Is("content_block_stop"u8) ? EventKind.BlockStop
                : reader.Is("message_delta"u8) ? EventKind.MessageDelta
                : reader.Is("message_stop"u8) ? EventKind.MessageStop
                : reader.Is("ping"u8) ? EventKind.Ping
                : reader.Is("error"u8) ? EventKind.Error
                : EventKind.Other;
        }
    }
}
