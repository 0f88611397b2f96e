using System.Buffers;
using System.Text.Json;
using Crew.Gateway.Forwarding;
using Crew.Gateway.Metering;
using Crew.Kernel;

namespace Crew.Gateway.Dialects.OpenAi;

/// <summary><c>/v1/responses</c>, without the state that its providers keep: nothing is stored, so nothing can be gone back to.</summary>
internal sealed class ResponsesFormat : OpenAiFormat
{
    private const int MaxDepthLevels = 512;

    public override Operation Operation => Operation.Responses;

    public override string Path => "/responses";

    public override BodyEdits EditsFor(InferenceRequest request, string upstreamModel, int? outputCap) => new()
    {
        UpstreamModel = upstreamModel,
        OutputCap = outputCap,
        CapField = "max_output_tokens",
        ForceStoreFalse = true,
    };

    public override EventReader ReadEvents(InferenceRequest? request) => new ResponseEventReader();

    /// <summary>The failure as the dialect's terminal event, which agents look for, and as an <c>error</c> event, which SDKs throw.</summary>
    public override void WriteErrorEvent(IBufferWriter<byte> output, Fault fault, string requestId, EventReader soFar)
    {
        ((ResponseEventReader)soFar).WriteFailed(output, fault);
    }

    public override AnswerFacts ReadAnswer(ReadOnlySequence<byte> body)
    {
        var reader = new Utf8JsonReader(body, new JsonReaderOptions { MaxDepth = MaxDepthLevels });
        try
        {
            if (!reader.Read() || reader.TokenType != JsonTokenType.StartObject)
            {
                return default;
            }

            var answer = ReadResponse(ref reader, countText: true);
            reader.Read();
            return answer with { IsJson = true };
        }
        catch (JsonException)
        {
            return default;
        }
    }

    /// <summary>Reads the response object that the reader stands on and leaves the reader at its end.</summary>
    /// <exception cref="JsonException">The bytes are not valid JSON.</exception>
    public static AnswerFacts ReadResponse(ref Utf8JsonReader reader, bool countText)
    {
        var (answer, tier) = (default(AnswerFacts), ServiceTier.Unsaid);
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            var (isUsage, isStatus, isOutput, isError, isTier) =
                (reader.Is("usage"u8), reader.Is("status"u8), countText && reader.Is("output"u8), reader.Is("error"u8), reader.Is("service_tier"u8));
            reader.Read();
            if (isUsage)
            {
                answer = answer with { Usage = UsageObject.Read(ref reader) ?? answer.Usage };
            }
            else if (isTier)
            {
                tier = ServiceTiers.Read(ref reader);
            }
            else if (isStatus)
            {
                answer = answer with { FinishReason = Status(ref reader) };
            }
            else if (isOutput)
            {
                answer = answer with { TextBytes = ChatText.OfMessage(ref reader) };
            }
            else
            {
                answer = answer with { IsError = answer.IsError || (isError && reader.TokenType is not (JsonTokenType.Null or JsonTokenType.False)) };
                reader.Skip();
            }
        }

        answer = answer with { Usage = answer.Usage.At(tier) };

        // A response that failed has a status that says so, and is what clients look for.
        return answer.FinishReason is null ? answer : answer with { IsError = false };
    }

    private static string? Status(ref Utf8JsonReader reader)
    {
        if (reader.TokenType != JsonTokenType.String)
        {
            reader.Skip();
            return null;
        }

        return reader.Is("completed"u8) ? "completed"
            : reader.Is("incomplete"u8) ? "incomplete"
            : reader.Is("failed"u8) ? "failed"
            : "other";
    }
}
