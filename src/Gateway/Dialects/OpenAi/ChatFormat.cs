using System.Buffers;
using System.Globalization;
using Crew.Gateway.Forwarding;
using Crew.Kernel;
using Microsoft.AspNetCore.Http;

namespace Crew.Gateway.Dialects.OpenAi;

/// <summary><c>/v1/chat/completions</c>.</summary>
internal sealed class ChatFormat : OpenAiFormat
{
    public override Operation Operation => Operation.ChatCompletions;

    public override string Path => "/chat/completions";

    public override BodyEdits EditsFor(InferenceRequest request, string upstreamModel, int? outputCap) => new()
    {
        UpstreamModel = upstreamModel,
        ForceUsage = request.Stream,
        OutputCap = outputCap,
        CapField = "max_completion_tokens",
    };

    public override AnswerFacts ReadAnswer(ReadOnlySequence<byte> body) => ChatAnswer.Read(body);

    public override EventReader ReadEvents(InferenceRequest? request) =>
        request is null ? new ChatChunkReader(clientWantsUsage: true) : new ChatChunkReader(request.WantsUsage, request.Choices);
}

/// <summary>What the endpoints of the OpenAI dialect have in common.</summary>
internal abstract class OpenAiFormat : WireFormat
{
    private const string ProcessingTime = "openai-processing-ms";

    public override bool PassesToProvider(string header) => OpenAiHeaders.PassesToProvider(header);

    public override bool PassesToClient(string header) => OpenAiHeaders.PassesToClient(header);

    public override void WriteErrorEvent(IBufferWriter<byte> output, Fault fault, string requestId, EventReader soFar) =>
        OpenAiErrors.WriteEvent(output, fault);

    public override void WriteError(IBufferWriter<byte> output, Fault fault, string requestId) => OpenAiErrors.Write(output, fault);

    public override void WriteHead(IHeaderDictionary headers, TimeSpan took)
    {
        if (!headers.ContainsKey(ProcessingTime))
        {
            headers[ProcessingTime] = ((long)took.TotalMilliseconds).ToString(CultureInfo.InvariantCulture);
        }
    }

    public override void WriteTokenLimits(IHeaderDictionary headers, int limit, long remaining, DateTimeOffset now) =>
        LimitHeaders.WriteTokens(headers, limit, remaining, now);

    public override void WriteLimits(IHeaderDictionary headers, DateTimeOffset now) => LimitHeaders.Write(headers, now);
}
