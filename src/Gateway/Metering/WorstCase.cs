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

    /// <summary>Bytes of the body that are pictures: they are looked at, not read, and count as <see cref="ImageTokens"/>.</summary>
    public long ImageBytes { get; init; }

    /// <summary>The most that the request's pictures are in tokens.</summary>
    public long ImageTokens { get; init; }

    /// <summary>The answer may be spoken.</summary>
    public bool HasAudioOutput { get; init; }

    /// <summary>The answer is made of pictures.</summary>
    public bool HasImageOutput { get; init; }

    /// <summary>The service tier that the request names.</summary>
    public ServiceTier Tier { get; init; }

    /// <summary>Images that are asked for.</summary>
    public long Images { get; init; }

    /// <summary>What one of them costs at the most, where images are billed; null is unknown.</summary>
    public NanoUsd? ImagePrice { get; init; }

    /// <summary>The request leaves nothing of the image's price open.</summary>
    public bool IsImagePriceSure { get; init; }

    /// <summary>The most tokens that one image is, where its tokens are billed and no cap of output bounds them.</summary>
    public long TokensPerImage { get; init; }

    /// <summary>Characters that are to be spoken.</summary>
    public long Characters { get; init; }

    /// <summary>The body is a recording that is listened to.</summary>
    public bool IsHeard { get; init; }

    public long InputTokens => BodyBytes - ImageBytes + ImageTokens + TemplateTokens + (HasTools ? ToolTemplateTokens : 0);

    public long OutputTokens => ((long)OutputCap * Choices) + (Images * TokensPerImage);

    /// <summary>The dearest that a token of this input can become: of any class, at any length and service tier that the call can reach.</summary>
    public NanoUsd InputPrice(PriceList prices)
    {
        if (prices.IsPlain)
        {
            return prices.Base.DearestInputOf(HasLongCache, ImageTokens > 0 || HasImageOutput);
        }

        var (hasLongCache, hasImages) = (HasLongCache, ImageTokens > 0 || HasImageOutput);
        return new(prices.Within(Tier, InputTokens).Max(p => p.DearestInputOf(hasLongCache, hasImages).Value));
    }

    /// <summary>The dearest that a token of this output can become.</summary>
    public NanoUsd OutputPrice(PriceList prices)
    {
        if (prices.IsPlain)
        {
            return prices.Base.DearestOutputOf(HasAudioOutput, HasImageOutput);
        }

        var (hasAudio, hasImages) = (HasAudioOutput, HasImageOutput);
        return new(prices.Within(Tier, InputTokens).Max(p => p.DearestOutputOf(hasAudio, hasImages).Value));
    }

    /// <summary>Millionths of a nano-USD that the call costs at most, whatever it answers.</summary>
    public Int128 FixedCost(PriceList prices)
    {
        var units = ((Int128)Images * (ImagePrice ?? NanoUsd.Zero).Value) + ((Int128)Characters * (prices.Units?.Character ?? NanoUsd.Zero).Value);
        var images = TokensPerImage == 0 ? 0 : (Int128)(Images * TokensPerImage) * OutputPrice(prices).Value;
        return ((Int128)InputTokens * InputPrice(prices).Value) + images + (units * PriceList.TokensPerPrice);
    }

    /// <exception cref="OverflowException">The cost does not fit into 64 bits.</exception>
    public NanoUsd CostAt(PriceList prices) => PriceList.RoundUp(FixedCost(prices) + ((Int128)((long)OutputCap * Choices) * OutputPrice(prices).Value));
}
