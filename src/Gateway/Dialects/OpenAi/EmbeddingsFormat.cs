using System.Buffers;
using System.Text.Json;
using Crew.Gateway.Forwarding;
using Crew.Gateway.Metering;

namespace Crew.Gateway.Dialects.OpenAi;

/// <summary><c>/v1/embeddings</c>. The input alone decides the price; vectors pass in the encoding that was asked for.</summary>
internal sealed class EmbeddingsFormat : OpenAiFormat
{
    public override Operation Operation => Operation.Embeddings;

    public override string Path => "/embeddings";

    public override bool HasOutput => false;

    public override BodyEdits EditsFor(InferenceRequest request, string upstreamModel, int? outputCap) => new() { UpstreamModel = upstreamModel };

    public override AnswerFacts ReadAnswer(ReadOnlySequence<byte> body)
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
                    usage = UsageObject.Read(ref reader, hasOutput: false) ?? usage;
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

    public override EventReader ReadEvents(InferenceRequest? request) => throw new InvalidOperationException("Embeddings are never streamed.");
}
