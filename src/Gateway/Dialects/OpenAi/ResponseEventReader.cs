using System.Buffers;
using System.Text;
using System.Text.Json;
using System.Text.Unicode;
using Crew.Gateway.Forwarding;
using Crew.Gateway.Metering;
using Crew.Kernel;

namespace Crew.Gateway.Dialects.OpenAi;

/// <summary>
/// Learns from the events of one streamed response what metering needs. The three terminal events carry the whole response, so they may be
/// long; what they repeat of the answer is not counted again.
/// </summary>
internal sealed class ResponseEventReader : EventReader
{
    private static readonly JsonWriterOptions Options = new() { Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    private string? _id;
    private string? _model;
    private long _created;
    private long _sequence = -1;

    public override int MaxFrameBytes => 4 << 20;

    public override int MaxTailBytes => 4 << 20;

    public override FrameFate Read(ReadOnlySpan<byte> data, bool isErrorEvent)
    {
        SawError |= isErrorEvent;
        var members = default(EventMembers);
        try
        {
            members.Read(data, wantsIdentity: _id is null);
        }
        catch (JsonException)
        {
            // The client's own reader will say so; for us the event tells nothing but that it is an error.
            SawError |= members.IsError;
            return isErrorEvent || members.IsError ? FrameFate.Hold : FrameFate.Pass;
        }

        _sequence = members.Sequence ?? _sequence;
        TextBytes += members.DeltaBytes;
        if (members.Id is not null)
        {
            (_id, _model, _created) = (members.Id, members.Model, members.Created);
        }

        if (members.IsTerminal)
        {
            (Usage, FinishReason, IsDone) = (members.Response.Usage ?? Usage, members.Response.FinishReason ?? "other", true);
            SawError |= members.HasFailed;
            return FrameFate.Hold;
        }

        SawError |= members.IsError;
        return isErrorEvent || members.IsError ? FrameFate.Hold : FrameFate.Pass;
    }

    /// <summary>
    /// Ends the response as incomplete by <c>max_output_tokens</c>. Its output is not repeated in the terminal event: it went out and was not
    /// kept.
    /// </summary>
    public override void WriteCapReached(IBufferWriter<byte> output, in TokenCounts charged)
    {
        var counts = charged;
        WriteEvent(output, "response.incomplete", json =>
        {
            WriteResponse(json, "incomplete", null);
            ResponseEvents.WriteUsage(json, counts);
            json.WriteEndObject();
        });
        IsDone = true;
    }

    public void WriteFailed(IBufferWriter<byte> output, Fault fault)
    {
        WriteEvent(output, "response.failed", json =>
        {
            WriteResponse(json, "failed", fault);
            json.WriteNull("usage"u8);
            json.WriteEndObject();
        });
        WriteEvent(output, "error", json => ResponseEvents.WriteError(json, fault));
    }

    private void WriteEvent(IBufferWriter<byte> output, string type, Action<Utf8JsonWriter> members)
    {
        output.Write(Encoding.ASCII.GetBytes($"event: {type}\ndata: "));
        using (var json = new Utf8JsonWriter(output, Options))
        {
            json.WriteStartObject();
            json.WriteString("type"u8, type);
            json.WriteNumber("sequence_number"u8, ++_sequence);
            members(json);
            json.WriteEndObject();
        }

        output.Write("\n\n"u8);
    }

    /// <summary>The response without its usage and without its closing brace.</summary>
    private void WriteResponse(Utf8JsonWriter json, string status, Fault? fault)
    {
        json.WriteStartObject("response"u8);
        json.WriteString("id"u8, _id);
        json.WriteString("object"u8, "response"u8);
        json.WriteNumber("created_at"u8, _created);
        json.WriteString("status"u8, status);
        json.WriteString("model"u8, _model);
        ResponseEvents.WriteOutcome(json, fault, fault is null ? "max_output_tokens" : null);
        json.WriteStartArray("output"u8);
        json.WriteEndArray();
    }

    private ref struct EventMembers
    {
        private bool _hasError;
        private bool _isErrorType;

        public bool IsTerminal { get; private set; }

        public bool HasFailed { get; private set; }

        public readonly bool IsError => _hasError || _isErrorType;

        public long? Sequence { get; private set; }

        public long DeltaBytes { get; private set; }

        public string? Id { get; private set; }

        public string? Model { get; private set; }

        public long Created { get; private set; }

        public AnswerFacts Response { get; private set; }

        public void Read(ReadOnlySpan<byte> data, bool wantsIdentity)
        {
            var reader = new Utf8JsonReader(data);
            if (!reader.Read() || reader.TokenType != JsonTokenType.StartObject)
            {
                return;
            }

            while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
            {
                var isType = reader.Is("type"u8);
                var isDelta = !isType && reader.Is("delta"u8);
                var isSequence = !isType && !isDelta && reader.Is("sequence_number"u8);
                var isResponse = reader.Is("response"u8);
                var isError = reader.Is("error"u8);
                reader.Read();
                if (isType)
                {
                    TakeType(ref reader);
                }
                else if (isDelta)
                {
                    DeltaBytes += reader.TokenType == JsonTokenType.String ? ChatText.TextBytes(ref reader) : 0;
                    reader.Skip();
                }
                else if (isSequence && reader.TokenType == JsonTokenType.Number && reader.TryGetInt64(out var number))
                {
                    Sequence = number;
                }
                else if (isResponse && reader.TokenType == JsonTokenType.StartObject)
                {
                    TakeResponse(ref reader, wantsIdentity);
                }
                else
                {
                    _hasError |= isError && reader.TokenType is not (JsonTokenType.Null or JsonTokenType.False);
                    reader.Skip();
                }
            }
        }

        private void TakeType(ref Utf8JsonReader reader)
        {
            if (reader.TokenType == JsonTokenType.String)
            {
                HasFailed = reader.Is("response.failed"u8);
                IsTerminal = HasFailed || reader.Is("response.completed"u8) || reader.Is("response.incomplete"u8);
                _isErrorType = reader.Is("error"u8);
            }

            reader.Skip();
        }

        private void TakeResponse(ref Utf8JsonReader reader, bool wantsIdentity)
        {
            if (wantsIdentity)
            {
                var ahead = reader;
                ReadIdentity(ref ahead);
            }

            Response = ResponsesFormat.ReadResponse(ref reader, countText: false);
        }

        /// <summary>The reader looks at structure only: bytes that are no UTF-8 it finds when it is asked for the text, and throws.</summary>
        private static bool IsPlainText(in Utf8JsonReader reader) =>
            reader.TokenType == JsonTokenType.String && !reader.ValueIsEscaped && Utf8.IsValid(reader.ValueSpan);

        private void ReadIdentity(ref Utf8JsonReader reader)
        {
            while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
            {
                var (isId, isModel, isCreated) =
                    (reader.Is("id"u8), reader.Is("model"u8), reader.Is("created_at"u8));
                reader.Read();
                if (isId && IsPlainText(reader))
                {
                    Id = reader.GetString();
                }
                else if (isModel && IsPlainText(reader))
                {
                    Model = reader.GetString();
                }
                else if (isCreated && reader.TokenType == JsonTokenType.Number && reader.TryGetInt64(out var seconds))
                {
                    Created = seconds;
                }

                reader.Skip();
            }
        }
    }
}
