namespace Crew.Gateway.Metering;

/// <summary>
/// Tokens of one attempt by class. The classes are disjoint: what was read from or written to a cache is not in
/// <see cref="Input"/>, and reasoning is not in <see cref="Output"/>, so a sum counts nothing twice. Arithmetic overflows loudly.
/// </summary>
internal readonly record struct TokenCounts(long Input, long CacheRead, long CacheWrite, long Output, long Reasoning)
{
    /// <summary>What a provider may claim per class; anything above is a broken number, and sums of it stay far from overflow.</summary>
    public const long MaxPerClass = 1_000_000_000_000;

    /// <summary>How much of <see cref="CacheWrite"/> is kept for an hour, which is dearer to write. A part of that class, not one of its own.</summary>
    public long LongCacheWrite { get; init; }

    public long AllInput => Input + CacheRead + CacheWrite;

    public long AllOutput => Output + Reasoning;

    public TokenCounts WithoutOutput => this with { Output = 0, Reasoning = 0 };

    public static TokenCounts operator +(TokenCounts a, TokenCounts b) => new(
        a.Input + b.Input, a.CacheRead + b.CacheRead, a.CacheWrite + b.CacheWrite, a.Output + b.Output, a.Reasoning + b.Reasoning)
    {
        LongCacheWrite = a.LongCacheWrite + b.LongCacheWrite,
    };

    /// <summary>
    /// What a text of this many UTF-8 bytes has at least, where no count is to be had: four bytes a token, never zero for a text.
    /// </summary>
    public static long FloorOf(long bytes) => (bytes / 4) + (bytes % 4 == 0 ? 0 : 1);
}
