using System.Globalization;
using Crew.Spend.Contracts;

namespace Crew.Spend.Tests;

/// <summary>A request in prices per some tokens, so that sums are rounded.</summary>
internal sealed record Ask(long Fixed, long PerToken, long TokensPerPrice, long OutputTokens)
{
    public HoldRequest ToRequest() => HoldRequest.AtPrices(Fixed, PerToken, TokensPerPrice, OutputTokens, costIsBounded: true);

    public long Worst(long tokens) => (long)Math.Ceiling((Fixed + ((decimal)PerToken * tokens)) / TokensPerPrice);
}

/// <summary>
/// The reference: what the rules say, computed the slow and obvious way. It keeps every hold and settlement and adds them up
/// anew for each question; of the engine it knows nothing, of the bank only what dead processes left there.
/// </summary>
internal sealed class NaiveBooks(LeaseBank bank)
{
    private readonly List<Entry> _entries = [];

    private enum State
    {
        Held,
        Settled,
        Dropped,
    }

    private sealed class Entry
    {
        public required object Hold { get; init; }

        public required Dictionary<string, string> Windows { get; init; }

        public required long Amount { get; set; }

        public State State { get; set; } = State.Held;
    }

    /// <summary>What a process that lives now may still hold of a budget.</summary>
    public Int128 Free(BudgetTerms terms, DateTimeOffset now, long epoch)
    {
        var window = WindowOf(terms, now);
        var mine = _entries.Where(e => e.Windows.GetValueOrDefault(terms.Id) == window).Sum(e => e.Amount);
        return (Int128)terms.AmountNano - mine - bank.Taken(terms.Id, StartOf(terms, now), epoch);
    }

    /// <summary>How many output tokens the request must be granted; null is a refusal.</summary>
    public long? Expect(IReadOnlyList<BudgetTerms> chain, Ask request, DateTimeOffset now, long epoch)
    {
        var tokens = request.OutputTokens;
        foreach (var terms in chain.Where(t => t.IsStrict))
        {
            var free = Free(terms, now, epoch);
            if (free >= request.Worst(request.OutputTokens) || request.Worst(request.OutputTokens) == 0)
            {
                continue;
            }

            var fits = terms.ClampsOutput ? Enumerable.Range(16, 200).LastOrDefault(n => free >= request.Worst(n)) : 0;
            if (fits == 0 || request.OutputTokens < 16)
            {
                return null;
            }

            tokens = Math.Min(tokens, fits);
        }

        return tokens;
    }

    public void Hold(object hold, IReadOnlyList<BudgetTerms> chain, long amount, DateTimeOffset now) =>
        _entries.Add(new Entry { Hold = hold, Amount = amount, Windows = chain.ToDictionary(t => t.Id, t => WindowOf(t, now)) });

    public void Settle(object hold, long cost) => (Find(hold).Amount, Find(hold).State) = (cost, State.Settled);

    public void Release(object hold) => _entries.Remove(Find(hold));

    public void Drop(object hold) => Find(hold).State = State.Dropped;

    /// <summary>The process is gone: from now on the bank alone says what it took.</summary>
    public void Forget() => _entries.Clear();

    private Entry Find(object hold) => _entries.Single(e => ReferenceEquals(e.Hold, hold));

    private static string WindowOf(BudgetTerms terms, DateTimeOffset now) => terms.Window switch
    {
        BudgetWindow.Day => now.ToString("yyyy-MM-dd", CultureInfo.InvariantCulture),
        BudgetWindow.Week => $"{ISOWeek.GetYear(now.UtcDateTime)}-W{ISOWeek.GetWeekOfYear(now.UtcDateTime)}",
        BudgetWindow.Month => now.ToString("yyyy-MM", CultureInfo.InvariantCulture),
        _ => "total",
    };

    private static long StartOf(BudgetTerms terms, DateTimeOffset now)
    {
        if (terms.Window == BudgetWindow.Total)
        {
            return 0;
        }

        var window = WindowOf(terms, now);
        var day = new DateTimeOffset(now.UtcDateTime.Date, TimeSpan.Zero);
        while (WindowOf(terms, day.AddDays(-1)) == window)
        {
            day = day.AddDays(-1);
        }

        return day.ToUnixTimeMilliseconds();
    }
}
