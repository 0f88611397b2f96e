namespace Crew.Spend.Contracts;

/// <summary>Tokens of one attempt in disjoint classes: none is counted in two of them.</summary>
/// <param name="Input">Fresh input, without what the cache served or stored.</param>
/// <param name="CacheRead">Input served from the provider's cache.</param>
/// <param name="CacheWrite">Input stored in the provider's cache.</param>
/// <param name="Output">Output without reasoning.</param>
/// <param name="Reasoning">Hidden output, billed as output.</param>
public readonly record struct Tokens(long Input, long CacheRead, long CacheWrite, long Output, long Reasoning);
