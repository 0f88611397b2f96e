using System.Buffers;
using Crew.Gateway.Forwarding;

namespace Crew.Gateway.Dialects.OpenAi;

/// <summary><c>/v1/embeddings</c>. The input alone decides the price; vectors pass in the encoding that was asked for.</summary>
internal sealed class EmbeddingsFormat : OpenAiFormat
{
    public override Operation Operation => Operation.Embeddings;

    public override string Path => "/embeddings";

    public override bool HasOutput => false;

    public override BodyEdits EditsFor(InferenceRequest request, string upstreamModel, int? outputCap) => new() { UpstreamModel = upstreamModel };

    public override AnswerFacts ReadAnswer(ReadOnlySequence<byte> body) => UsageOnlyAnswer.Read(body, hasOutput: false, Operation.Embeddings);

    public override EventReader ReadEvents(InferenceRequest? request) => throw new InvalidOperationException("Embeddings are never streamed.");
}
