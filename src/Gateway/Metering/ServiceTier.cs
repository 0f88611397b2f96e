using System.Text.Json;

namespace Crew.Gateway.Metering;

/// <summary>How fast a provider serves a call, which some sell at several prices.</summary>
internal enum ServiceTier : byte
{
    /// <summary>Nothing was said, or the provider was left to choose (<c>auto</c>): any tier may be billed.</summary>
    Unsaid,

    /// <summary>The list price.</summary>
    Standard,
    Flex,
    Priority,
    Scale,
    Batch,

    /// <summary>A word that we do not know, at a price that nobody knows.</summary>
    Other,
}

/// <summary>The words for them.</summary>
internal static class ServiceTiers
{
    /// <summary>Those that may have a price of their own, in the words of requests and of the API.</summary>
    public static readonly IReadOnlyDictionary<string, ServiceTier> Priced = new Dictionary<string, ServiceTier>(StringComparer.Ordinal)
    {
        ["flex"] = ServiceTier.Flex,
        ["priority"] = ServiceTier.Priority,
        ["scale"] = ServiceTier.Scale,
        ["batch"] = ServiceTier.Batch,
    };

    public static string Name(ServiceTier tier) => Priced.First(p => p.Value == tier).Key;

    /// <summary>The tier that the reader stands on in an answer; the reader goes to its end.</summary>
    public static ServiceTier Read(ref Utf8JsonReader reader)
    {
        if (reader.TokenType == JsonTokenType.String && !reader.ValueIsEscaped)
        {
            return Of(reader.ValueSpan);
        }

        reader.Skip();
        return ServiceTier.Unsaid;
    }

    /// <summary>The same counts at this tier, which stands beside them.</summary>
    public static TokenCounts? At(this TokenCounts? usage, ServiceTier tier) =>
        usage is { } counts && tier != ServiceTier.Unsaid ? counts with { Tier = tier } : usage;

    /// <summary>The tier that a request or an answer names.</summary>
    public static ServiceTier Of(ReadOnlySpan<byte> word) =>
        word.SequenceEqual("default"u8) || word.SequenceEqual("standard"u8) || word.SequenceEqual("standard_only"u8) ? ServiceTier.Standard
        : word.SequenceEqual("auto"u8) ? ServiceTier.Unsaid
        : word.SequenceEqual("flex"u8) ? ServiceTier.Flex
        : word.SequenceEqual("priority"u8) || word.SequenceEqual("fast"u8) ? ServiceTier.Priority
        : word.SequenceEqual("scale"u8) ? ServiceTier.Scale
        : word.SequenceEqual("batch"u8) ? ServiceTier.Batch
        : ServiceTier.Other;
}
