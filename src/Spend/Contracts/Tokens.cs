namespace Crew.Spend.Contracts;

/// <summary>Tokens of one attempt in disjoint classes: none is counted in two of them.</summary>
/// <param name="Input">Fresh input, without what the cache served or stored.</param>
/// <param name="CacheRead">Input served from the provider's cache.</param>
/// <param name="CacheWrite">Input stored in the provider's cache.</param>
/// <param name="Output">Output without reasoning.</param>
/// <param name="Reasoning">Hidden output, billed as output.</param>
public readonly record struct Tokens(long Input, long CacheRead, long CacheWrite, long Output, long Reasoning)
{
    /// <summary>Sound that was heard.</summary>
    public long AudioInput { get; init; }

    /// <summary>Sound that was made.</summary>
    public long AudioOutput { get; init; }

    /// <summary>Pictures that were looked at.</summary>
    public long ImageInput { get; init; }

    /// <summary>Pictures that were made.</summary>
    public long ImageOutput { get; init; }

    /// <summary>Images that were made, by number; billed so by some models.</summary>
    public long Images { get; init; }

    /// <summary>Seconds of sound that were heard; billed so by some models.</summary>
    public long Seconds { get; init; }

    /// <summary>Characters that were spoken; billed so by some models.</summary>
    public long Characters { get; init; }
}
