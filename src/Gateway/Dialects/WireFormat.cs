using System.Buffers;
using System.Net.Http.Headers;
using Crew.Gateway.Forwarding;
using Crew.Kernel;
using Microsoft.AspNetCore.Http;

namespace Crew.Gateway.Dialects;

/// <summary>The inference endpoints. The numbers index tables, so they run from 0 without a gap.</summary>
internal enum Operation
{
    ChatCompletions,
    Messages,
    CountTokens,
    Responses,
    Embeddings,
    Completions,
    Moderations,
    ImageGenerations,
    ImageEdits,
    ImageVariations,
    Speech,
    Transcriptions,
    Translations,
}

/// <summary>
/// One inference endpoint as it is spoken on the wire: what is read of a request, what is spliced into it, how usage, events, ends and
/// errors look, which headers cross. The set is closed (<see cref="WireFormats"/>); the instances hold no state.
/// </summary>
internal abstract class WireFormat
{
    public abstract Operation Operation { get; }

    /// <summary>Below a provider's base address, such as <c>/chat/completions</c>.</summary>
    public abstract string Path { get; }

    /// <summary>The path at which clients find it, which is also the name of the endpoint in the ledger.</summary>
    public string ClientPath => field ??= "/v1" + Path;

    /// <summary>False where no output is produced that a cap could bound; then the input alone bounds the price.</summary>
    public virtual bool HasOutput => true;

    /// <summary>The output cap that the endpoint itself sets where a request names none; null where the model's counts.</summary>
    public virtual int? OwnCap => null;

    /// <summary>True where providers charge nothing, whatever is sent.</summary>
    public virtual bool IsFree => false;

    /// <summary>True for endpoints that pass as they come, in both directions.</summary>
    public virtual bool IsPassThrough => false;

    /// <summary>Whether a body of this type is one that the endpoint takes.</summary>
    public virtual bool Takes(string? contentType) => Calls.RequestBody.IsJson(contentType);

    /// <summary>Finds the governed fields in one pass.</summary>
    public virtual Outcome<InferenceRequest> Read(ReadOnlySequence<byte> body) => RequestScan.Read(body, Operation);

    /// <summary>What must differ in the body that goes to a provider of the same format.</summary>
    /// <param name="request">What <see cref="Read"/> found.</param>
    /// <param name="upstreamModel">The name that the target knows the model by.</param>
    /// <param name="outputCap">The output tokens that are paid for; null sends none beside the client's own.</param>
    public abstract BodyEdits EditsFor(InferenceRequest request, string upstreamModel, int? outputCap);

    /// <summary>What metering needs of an answer in one piece.</summary>
    public abstract AnswerFacts ReadAnswer(ReadOnlySequence<byte> body);

    /// <summary>A reader for the events of one streamed answer.</summary>
    /// <param name="request">Null where the answer is to a request that we wrote ourselves.</param>
    public abstract EventReader ReadEvents(InferenceRequest? request);

    /// <summary>Writes a refusal as an event, for a stream whose status line has gone out.</summary>
    /// <param name="soFar">What was read of the stream, for formats whose events are numbered.</param>
    public abstract void WriteErrorEvent(IBufferWriter<byte> output, Fault fault, string requestId, EventReader soFar);

    /// <summary>A sign of life between two events, which clients pass over.</summary>
    /// <param name="hasContent">Whether content has gone out: before that, clients of some dialects await one certain event.</param>
    public virtual ReadOnlySpan<byte> Ping(bool hasContent) => ": ping\n\n"u8;

    /// <summary>Writes an error of a provider of another format in this one.</summary>
    public abstract void WriteError(IBufferWriter<byte> output, Fault fault, string requestId);

    /// <summary>Whether a header of the client goes on to a provider of the same format.</summary>
    public abstract bool PassesToProvider(string header);

    /// <summary>Whether a header of the provider goes on to the client.</summary>
    public abstract bool PassesToClient(string header);

    /// <summary>Whether a query string of the client, question mark included, goes on to a provider of the same format.</summary>
    public virtual bool PassesQuery(string query) => false;

    /// <summary>What the headers ask for, as far as it matters for the price.</summary>
    public virtual RequestFeatures FeaturesOf(IHeaderDictionary headers, long bodyBytes) => RequestFeatures.None;

    /// <summary>Adds the headers that a provider needs and that the client did not send.</summary>
    public virtual void Complete(HttpRequestHeaders headers)
    {
    }

    /// <summary>Adds what clients of the dialect look for beside the provider's headers.</summary>
    public virtual void WriteHead(IHeaderDictionary headers, TimeSpan took)
    {
    }

    /// <summary>The limit of tokens in the dialect's own words, where one applies.</summary>
    /// <param name="headers">Of the response.</param>
    /// <param name="limit">Tokens a minute.</param>
    /// <param name="remaining">What is left of it.</param>
    /// <param name="now">The current minute ends at its next full one.</param>
    public virtual void WriteTokenLimits(IHeaderDictionary headers, int limit, long remaining, DateTimeOffset now)
    {
    }

    /// <summary>The limits in the dialect's own words, beside our headers that the way in has set.</summary>
    public abstract void WriteLimits(IHeaderDictionary headers, DateTimeOffset now);
}

/// <summary>The closed set.</summary>
internal static class WireFormats
{
    public static readonly WireFormat Chat = new OpenAi.ChatFormat();
    public static readonly WireFormat Messages = new Anthropic.MessagesFormat();
    public static readonly WireFormat CountTokens = new Anthropic.CountTokensFormat();
    public static readonly WireFormat Responses = new OpenAi.ResponsesFormat();
    public static readonly WireFormat Embeddings = new OpenAi.EmbeddingsFormat();
    public static readonly WireFormat Completions = new OpenAi.CompletionsFormat();
    public static readonly WireFormat Moderations = new OpenAi.PassThroughFormat(Operation.Moderations, "/moderations");
    public static readonly WireFormat ImageGenerations = new OpenAi.PassThroughFormat(Operation.ImageGenerations, "/images/generations");
    public static readonly WireFormat ImageEdits = new OpenAi.PassThroughFormat(Operation.ImageEdits, "/images/edits", takesForms: true);
    public static readonly WireFormat ImageVariations = new OpenAi.PassThroughFormat(Operation.ImageVariations, "/images/variations", takesForms: true);
    public static readonly WireFormat Speech = new OpenAi.PassThroughFormat(Operation.Speech, "/audio/speech");
    public static readonly WireFormat Transcriptions = new OpenAi.PassThroughFormat(Operation.Transcriptions, "/audio/transcriptions", takesForms: true);
    public static readonly WireFormat Translations = new OpenAi.PassThroughFormat(Operation.Translations, "/audio/translations", takesForms: true);

    /// <summary>In the order of <see cref="Operation"/>.</summary>
    public static readonly IReadOnlyList<WireFormat> All =
    [
        Chat, Messages, CountTokens, Responses, Embeddings, Completions, Moderations, ImageGenerations, ImageEdits, ImageVariations, Speech,
        Transcriptions, Translations,
    ];
}
