using Crew.Kernel;

namespace Crew.Spend.Contracts;

/// <summary>
/// The worst case of one physical attempt, known before anything is sent: <c>Fixed + PerOutputToken × OutputTokens</c>.
/// </summary>
/// <param name="Fixed">What the attempt costs whatever it answers: the upper bound of its input, at the dearest class it may be billed at.</param>
/// <param name="PerOutputToken">Price of one more token of the output cap. With <c>n</c> choices the cap holds n times, so n is multiplied in here.</param>
/// <param name="OutputTokens">The output cap that goes upstream, per choice.</param>
/// <param name="CostIsBounded">False for calls whose cost has no bound; a strict budget refuses them.</param>
public readonly record struct HoldRequest(NanoUsd Fixed, NanoUsd PerOutputToken, long OutputTokens, bool CostIsBounded)
{
    /// <summary>Output is never clamped below this many tokens: an answer that short costs and says nothing.</summary>
    public const long LeastOutputTokens = 16;

    /// <summary>The whole amount; one that no 64-bit number holds is the largest one, which fits no budget.</summary>
    internal long WorstCase => Cost(OutputTokens);

    /// <summary>The least that may be held when every blocking budget lets the output be clamped.</summary>
    internal long ClampedCase => Cost(Math.Min(OutputTokens, LeastOutputTokens));

    internal long Cost(long outputTokens)
    {
        var cost = Fixed.Value + ((Int128)PerOutputToken.Value * outputTokens);
        return cost >= long.MaxValue ? long.MaxValue : (long)cost;
    }

    /// <summary>How many output tokens an amount pays for.</summary>
    internal long TokensFor(long amount) => (amount - Fixed.Value) / PerOutputToken.Value;
}
