using System.Buffers;
using System.Text.Json;
using Crew.Kernel;

namespace Crew.Gateway.Dialects;

/// <summary>
/// Finds the few top-level fields of a request that routing, metering and splicing need, in one pass over its bytes.
/// Any input gives a <see cref="InferenceRequest"/> or a <see cref="Fault"/>; none gives an exception.
/// </summary>
internal static class RequestScan
{
    /// <summary>Levels of nesting. Deep tool schemas need some thirty; ten thousand are an attack on the reader behind us.</summary>
    public const int MaxDepthLevels = 256;

    /// <summary>Characters of a model id; the catalogue takes no longer ones.</summary>
    public const int MaxModelCharacters = 256;

    /// <summary>What <see cref="IsModelName"/> asks for, as the end of a sentence.</summary>
    public const string ModelRule = "must be a string of 1 to 256 characters without control characters: the id of a model from GET /v1/models.";

    /// <summary>Answers per request.</summary>
    public const int MaxChoices = 128;

    /// <param name="body">The body as it arrived, at most 2 GiB; it is only read.</param>
    /// <param name="operation">The endpoint, which decides what the fields are called.</param>
    public static Outcome<InferenceRequest> Read(ReadOnlySequence<byte> body, Operation operation)
    {
        if (CheckText(body) is { } noText)
        {
            return noText;
        }

        try
        {
            return new RequestPass(body, operation).Run();
        }
        catch (JsonException broken)
        {
            // The exception's own text may quote the body, so only its numbers are taken.
            return GatewayFaults.BrokenJson(broken.LineNumber ?? 0, broken.BytePositionInLine ?? 0);
        }
    }

    /// <summary>Whether a model can be called so.</summary>
    public static bool IsModelName(string model) => model.Length is > 0 and <= MaxModelCharacters && !model.Any(char.IsControl);

    /// <summary>What keeps a body from being UTF-8 text; null where nothing does.</summary>
    public static Fault? CheckText(ReadOnlySequence<byte> body)
    {
        if (body.IsEmpty)
        {
            return GatewayFaults.EmptyBody;
        }

        if (Utf8Body.BeginsWithByteOrderMark(body))
        {
            return GatewayFaults.ByteOrderMark;
        }

        return Utf8Body.FirstInvalid(body) is { } invalid ? GatewayFaults.NotUtf8(invalid) : null;
    }
}
