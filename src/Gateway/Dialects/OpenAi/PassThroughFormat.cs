using System.Buffers;
using Crew.Gateway.Forwarding;
using Crew.Kernel;

namespace Crew.Gateway.Dialects.OpenAi;

/// <summary>
/// An endpoint of which only the model, and what its price hangs on, is read: completions, moderations, images and audio. Everything else passes
/// as it came, in both directions. What an answer says of tokens is metered; one that says nothing is estimated from the size of the request.
/// </summary>
internal class PassThroughFormat(Operation operation, string path, bool takesForms = false) : OpenAiFormat
{
    private static readonly string[] _fileTypes =
        ["application/octet-stream", "application/x-subrip", "text/plain", "text/vtt", "text/srt", "image/png", "image/jpeg", "image/webp"];

    public override Operation Operation => operation;

    public override string Path => path;

    public override bool HasOutput => false;

    public override bool IsFree => operation == Operation.Moderations;

    public override bool IsPassThrough => true;

    /// <summary>What may be served as bytes; never a page or script, which our origin must not show.</summary>
    public static bool IsFile(string? mediaType) => mediaType is not null
        && (mediaType.StartsWith("audio/", StringComparison.OrdinalIgnoreCase) || mediaType.StartsWith("video/", StringComparison.OrdinalIgnoreCase)
            || _fileTypes.Contains(mediaType, StringComparer.OrdinalIgnoreCase));

    public override bool Takes(string? contentType) => base.Takes(contentType) || (takesForms && FormScan.IsForm(contentType));

    public override Outcome<InferenceRequest> Read(ReadOnlySequence<byte> body)
    {
        var bytes = body.IsSingleSegment ? body.FirstSpan : body.ToArray();
        var isForm = takesForms && bytes.StartsWith("--"u8);
        if (!isForm && RequestScan.CheckText(body) is { } noText)
        {
            return noText;
        }

        var read = isForm ? FormScan.Read(bytes) : ModelScan.Read(bytes, operation);
        return read.Failed(out var fault) ? fault
            : read.Value with { Features = IsFree ? RequestFeatures.None : RequestFeatures.Unbounded };
    }

    public override BodyEdits EditsFor(InferenceRequest request, string upstreamModel, int? outputCap) => new() { UpstreamModel = upstreamModel };

    public override AnswerFacts ReadAnswer(ReadOnlySequence<byte> body) => UsageOnlyAnswer.Read(body, hasOutput: true, operation);

    public override EventReader ReadEvents(InferenceRequest? request) => new PassThroughEventReader(operation);
}
