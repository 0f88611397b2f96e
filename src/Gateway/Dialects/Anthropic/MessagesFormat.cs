using System.Buffers;
using Crew.Gateway.Forwarding;

namespace Crew.Gateway.Dialects.Anthropic;

/// <summary><c>/v1/messages</c>.</summary>
internal sealed class MessagesFormat : AnthropicFormat
{
    public override Operation Operation => Operation.Messages;

    public override string Path => "/messages";

    public override BodyEdits EditsFor(InferenceRequest request, string upstreamModel, int? outputCap) => new()
    {
        UpstreamModel = upstreamModel,
        OutputCap = outputCap,
        CapField = "max_tokens",
    };

    public override AnswerFacts ReadAnswer(ReadOnlySequence<byte> body) => MessageAnswer.Read(body);

    public override EventReader ReadEvents(InferenceRequest? request) => new MessageEventReader();
}
