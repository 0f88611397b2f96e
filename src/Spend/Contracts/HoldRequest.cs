using Crew.Kernel;

namespace Crew.Spend.Contracts;

/// <summary>
/// The worst case of one physical attempt, known before anything is sent: a fixed part (the upper bound of its input, at the
/// dearest class it may be billed at) and a price for each token of the output cap.
/// </summary>
public readonly record struct HoldRequest
{
    /// <summary>Output is never clamped below this many tokens: an answer that short costs and says nothing.</summary>
    public const long LeastOutputTokens = 16;

    /// <summary>More output than any model gives; keeps products far from overflow.</summary>
    private const long MostOutputTokens = 1L << 40;

    private readonly Int128 _fixed;
    private readonly Int128 _perOutputToken;
    private readonly long _scale;

    /// <summary>A worst case in whole nano-USD.</summary>
    /// <param name="costBefore">What the attempt costs at most whatever it answers.</param>
    /// <param name="perOutputToken">Price of one more token of the output cap; with <c>n</c> choices the cap holds n times, so n is multiplied in.</param>
    /// <param name="outputTokens">The output cap that goes upstream, per choice.</param>
    /// <param name="costIsBounded">False for calls whose cost has no bound; a strict budget refuses them.</param>
    public HoldRequest(NanoUsd costBefore, NanoUsd perOutputToken, long outputTokens, bool costIsBounded)
        : this(costBefore.Value, perOutputToken.Value, 1, outputTokens, costIsBounded)
    {
    }

    private HoldRequest(Int128 fixedPart, Int128 perOutputToken, long scale, long outputTokens, bool costIsBounded)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(fixedPart, nameof(fixedPart));
        ArgumentOutOfRangeException.ThrowIfNegative(perOutputToken);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(scale);
        ArgumentOutOfRangeException.ThrowIfNegative(outputTokens);
        (_fixed, _perOutputToken, _scale, OutputTokens, CostIsBounded) = (fixedPart, perOutputToken, scale, outputTokens, costIsBounded);
    }

    /// <summary>The output cap that goes upstream, per choice.</summary>
    public long OutputTokens { get; }

    /// <summary>Whether the cost has an upper bound at all.</summary>
    public bool CostIsBounded { get; }

    /// <summary>
    /// A worst case from prices per so many tokens (a million), whose price of one token need not be whole: everything is added up
    /// first and rounded up once, as the settlement is, so that a hold is never larger than the worst bill.
    /// </summary>
    /// <param name="fixedPart">Sum of tokens × price of all that does not depend on the output cap.</param>
    /// <param name="outputPrice">Price of output, times <c>n</c> choices.</param>
    /// <param name="tokensPerPrice">How many tokens the prices are for.</param>
    /// <param name="outputTokens">The output cap that goes upstream, per choice.</param>
    /// <param name="costIsBounded">False for calls whose cost has no bound; a strict budget refuses them.</param>
    public static HoldRequest AtPrices(Int128 fixedPart, Int128 outputPrice, long tokensPerPrice, long outputTokens, bool costIsBounded) =>
        new(fixedPart, outputPrice, tokensPerPrice, outputTokens, costIsBounded);

    /// <summary>The same request with less output, for a stream that is paid for in steps: see <see cref="Ledger.ExtendAsync"/>.</summary>
    /// <param name="outputTokens">At most so many, per choice.</param>
    public HoldRequest ForOutput(long outputTokens) =>
        new(_fixed, _perOutputToken, _scale, Math.Min(outputTokens, OutputTokens), CostIsBounded);

    /// <summary>The whole amount; one that no 64-bit number holds is the largest one, which fits no budget.</summary>
    internal long WorstCase => Cost(OutputTokens);

    /// <summary>The least that may be held when every blocking budget lets the output be clamped.</summary>
    internal long ClampedCase => Cost(Math.Min(OutputTokens, LeastOutputTokens));

    internal bool CanBeClamped => _perOutputToken > 0;

    internal long Cost(long outputTokens)
    {
        var sum = _fixed + (_perOutputToken * Math.Min(outputTokens, MostOutputTokens));
        var cost = (sum / _scale) + (sum % _scale == 0 ? 0 : 1);
        return cost >= long.MaxValue ? long.MaxValue : (long)cost;
    }

    /// <summary>How many output tokens an amount pays for.</summary>
    internal long TokensFor(long amount) => (long)((((Int128)amount * _scale) - _fixed) / _perOutputToken);
}
