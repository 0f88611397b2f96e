using Crew.Gateway.Metering;

namespace Crew.Gateway.Dialects;

/// <summary>What metering needs of an answer that arrived in one piece. It holds no content.</summary>
/// <param name="Usage">The provider's counts; null where it sent none that make sense.</param>
/// <param name="FinishReason">Why it ended: a word of the dialect, <c>other</c>, or null.</param>
/// <param name="TextBytes">UTF-8 bytes of text, reasoning and tool calls.</param>
/// <param name="IsJson">The body is one JSON object; else it can be passed on but not metered.</param>
internal readonly record struct AnswerFacts(TokenCounts? Usage, string? FinishReason, long TextBytes, bool IsJson)
{
    /// <summary>Images in it.</summary>
    public long Images { get; init; }

    /// <summary>An error in place of an answer: some providers say so under a status of 200.</summary>
    public bool IsError { get; init; }
}
