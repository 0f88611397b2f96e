using System.Buffers;
using Crew.Gateway.Forwarding;
using Crew.Kernel;

namespace Crew.Gateway.Dialects.OpenAi;

/// <summary>
/// <c>/v1/completions</c>: it passes as it comes, but its output cap, its choices and its prompts are read, so that strict budgets can pay for it.
/// </summary>
internal sealed class CompletionsFormat() : PassThroughFormat(Operation.Completions, "/completions")
{
    /// <summary>What <c>max_tokens</c> is unless the request says otherwise (https://platform.openai.com/docs/api-reference/completions/create).</summary>
    private const int UsualCap = 16;

    public override bool HasOutput => true;

    public override int? OwnCap => UsualCap;

    public override Outcome<InferenceRequest> Read(ReadOnlySequence<byte> body) => RequestScan.Read(body, Operation.Completions);

    public override BodyEdits EditsFor(InferenceRequest request, string upstreamModel, int? outputCap) => new()
    {
        UpstreamModel = upstreamModel,
        OutputCap = outputCap,
        CapField = "max_tokens",
    };
}
