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
internal readonly record struct WorstCase(long BodyBytes, int OutputCap, int Choices, bool HasTools)
{
    /// <summary>Tokens that a chat template puts around the messages.</summary>
    public const int TemplateTokens = 256;

    /// <summary>Tokens that providers add when tools are declared.</summary>
    public const int ToolTemplateTokens = 1024;

    public long InputTokens => BodyBytes + TemplateTokens + (HasTools ? ToolTemplateTokens : 0);

    public long OutputTokens => (long)OutputCap * Choices;

    /// <exception cref="OverflowException">The cost does not fit into 64 bits.</exception>
    public NanoUsd CostAt(PriceList prices) =>
        PriceList.RoundUp(((Int128)InputTokens * prices.DearestInput.Value) + ((Int128)OutputTokens * prices.Output.Value));
}
