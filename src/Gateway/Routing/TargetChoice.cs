using Crew.Gateway.Catalogue;

namespace Crew.Gateway.Routing;

/// <summary>
/// The order in which a request tries the targets of its model: by priority; among those of one priority two are drawn by weight and the one that
/// costs less time is taken (power of two choices), so that weights hold while all do equally well, and a slow target gets less. Targets whose circuit is open
/// come last, the first to recover before the others: they are tried only when nothing else is left. Pure but for the dice.
/// </summary>
internal static class TargetChoice
{
    /// <param name="targets">Ordered by priority.</param>
    /// <param name="now">For health.</param>
    /// <param name="dice">Numbers from 0 up to 1.</param>
    public static IReadOnlyList<Target> Order(IReadOnlyList<Target> targets, DateTimeOffset now, Func<double> dice)
    {
        if (targets.Count == 1)
        {
            return targets;
        }

        var ordered = new List<Target>(targets.Count);
        List<Target>? resting = null;
        for (var start = 0; start < targets.Count;)
        {
            var equals = new List<Target>(targets.Count - start);
            var end = start;
            for (; end < targets.Count && targets[end].Priority == targets[start].Priority; end++)
            {
                if (targets[end].Health.IsReady(now))
                {
                    equals.Add(targets[end]);
                }
                else
                {
                    (resting ??= []).Add(targets[end]);
                }
            }

            while (equals.Count > 0)
            {
                var taken = equals.Count == 1 ? 0 : Pick(equals, now, dice);
                ordered.Add(equals[taken]);
                equals.RemoveAt(taken);
            }

            start = end;
        }

        if (resting is not null)
        {
            ordered.AddRange(resting.OrderBy(t => t.Health.RestsUntil));
        }

        return ordered;
    }

    private static int Pick(List<Target> equals, DateTimeOffset now, Func<double> dice)
    {
        var (first, second) = (Draw(equals, dice()), Draw(equals, dice()));
        return first == second || equals[first].Health.CostAt(now) <= equals[second].Health.CostAt(now) ? first : second;
    }

    private static int Draw(List<Target> equals, double dice)
    {
        var left = dice * equals.Sum(static t => (double)t.Weight);
        var drawn = 0;
        while (drawn + 1 < equals.Count && (left -= equals[drawn].Weight) >= 0)
        {
            drawn++;
        }

        return drawn;
    }
}
