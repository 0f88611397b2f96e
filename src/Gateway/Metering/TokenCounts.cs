namespace Crew.Gateway.Metering;

/// <summary>
/// Tokens of one attempt by class. The classes are disjoint: what was read from or written to a cache is not in
/// <see cref="Input"/>, reasoning is not in <see cref="Output"/>, and audio and images are in neither, so a sum counts nothing twice.
/// Beside them stand the units by which some models bill instead. Arithmetic overflows loudly.
/// </summary>
internal readonly record struct TokenCounts(long Input, long CacheRead, long CacheWrite, long Output, long Reasoning)
{
    /// <summary>What a provider may claim per class; anything above is a broken number, and sums of it stay far from overflow.</summary>
    public const long MaxPerClass = 1_000_000_000_000;

    /// <summary>How much of <see cref="CacheWrite"/> is kept for an hour, which is dearer to write. A part of that class, not one of its own.</summary>
    public long LongCacheWrite { get; init; }

    public long AudioInput { get; init; }

    public long AudioOutput { get; init; }

    public long ImageInput { get; init; }

    public long ImageOutput { get; init; }

    /// <summary>Images that were made.</summary>
    public long Images { get; init; }

    /// <summary>Seconds of sound that were heard, begun ones in full.</summary>
    public long Seconds { get; init; }

    /// <summary>Characters of text that were spoken, as UTF-16 counts them: never fewer than any other way of counting letters.</summary>
    public long Characters { get; init; }

    /// <summary>The service tier that the answer says it was billed at.</summary>
    public ServiceTier Tier { get; init; }

    public long AllInput => Input + CacheRead + CacheWrite + AudioInput + ImageInput;

    public long AllOutput => Output + Reasoning + AudioOutput + ImageOutput;

    public TokenCounts WithoutOutput() => this with { Output = 0, Reasoning = 0, AudioOutput = 0, ImageOutput = 0, Images = 0 };

    public static TokenCounts operator +(TokenCounts a, TokenCounts b) => new(
        a.Input + b.Input, a.CacheRead + b.CacheRead, a.CacheWrite + b.CacheWrite, a.Output + b.Output, a.Reasoning + b.Reasoning)
    {
        LongCacheWrite = a.LongCacheWrite + b.LongCacheWrite,
        AudioInput = a.AudioInput + b.AudioInput,
        AudioOutput = a.AudioOutput + b.AudioOutput,
        ImageInput = a.ImageInput + b.ImageInput,
        ImageOutput = a.ImageOutput + b.ImageOutput,
        Images = a.Images + b.Images,
        Seconds = a.Seconds + b.Seconds,
        Characters = a.Characters + b.Characters,
        Tier = a.Tier == ServiceTier.Unsaid ? b.Tier : a.Tier,
    };

    /// <summary>
    /// What a text of this many UTF-8 bytes has at least, where no count is to be had: four bytes a token, never zero for a text.
    /// </summary>
    public static long FloorOf(long bytes) => (bytes / 4) + (bytes % 4 == 0 ? 0 : 1);
}
