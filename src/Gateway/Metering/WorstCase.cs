using Crew.Kernel;

namespace Crew.Gateway.Metering;

/// <summary>
/// The most that a call can cost. Every token of a byte-level tokenizer covers at least one byte, so the body's size bounds the
/// input; what the provider's template adds is bounded by an allowance; the cap that is sent upstream bounds the output.
/// </summary>
/// <param name="BodyBytes">UTF-8 bytes of the request body.</param>
/// <param name="OutputCap">Output tokens per choice, as sent upstream.</param>
/// <param name="Choices">How many answers are charged.</param>
/// <param name="HasTools">Providers explain declared tools to the model in words of their own.</param>
/// <param name="HasLongCache">Input may be written to a cache at the dearer of its prices.</param>
internal readonly record struct WorstCase(long BodyBytes, int OutputCap, int Choices, bool HasTools, bool HasLongCache = false)
{
    /// <summary>Tokens that a chat template puts around the messages.</summary>
    public const int TemplateTokens = 256;

    /// <summary>Tokens that providers add when tools are declared.</summary>
    public const int ToolTemplateTokens = 1024;

    public long InputTokens => BodyBytes + TemplateTokens + (HasTools ? ToolTemplateTokens : 0);

    public long OutputTokens => (long)OutputCap * Choices;

    /// <summary>The dearest that a token of this input can become.</summary>
    public NanoUsd InputPrice(PriceList prices) =>
        HasLongCache ? new(Math.Max(prices.DearestInput.Value, prices.LongCacheWrite.Value)) : prices.DearestInput;

    /// <exception cref="OverflowException">The cost does not fit into 64 bits.</exception>
    public NanoUsd CostAt(PriceList prices) =>
        PriceList.RoundUp(((Int128)InputTokens * InputPrice(prices).Value) + ((Int128)OutputTokens * prices.Output.Value));
}
