using System.Buffers;
using Crew.Gateway.Forwarding;

namespace Crew.Gateway.Dialects.Anthropic;

/// <summary><c>/v1/messages/count_tokens</c>: providers count what a message would have as input, and charge nothing for it.</summary>
internal sealed class CountTokensFormat : AnthropicFormat
{
    public override Operation Operation => Operation.CountTokens;

    public override string Path => "/messages/count_tokens";

    public override bool HasOutput => false;

    public override bool IsFree => true;

    public override BodyEdits EditsFor(InferenceRequest request, string upstreamModel, int? outputCap) => new() { UpstreamModel = upstreamModel };

    public override AnswerFacts ReadAnswer(ReadOnlySequence<byte> body) => MessageAnswer.Read(body) with { Usage = default(Metering.TokenCounts) };

    public override EventReader ReadEvents(InferenceRequest? request) => throw new InvalidOperationException("A count of tokens is never streamed.");
}
