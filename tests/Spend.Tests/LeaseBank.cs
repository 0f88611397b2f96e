using Crew.Spend.Contracts;
using Crew.Storage;

namespace Crew.Spend.Tests;

/// <summary>The tables of leases and attempts as the engine sees them, in memory: each write is all or nothing, and may fail.</summary>
internal sealed class LeaseBank
{
    private readonly Lock _lock = new();

    public sealed class Row
    {
        public required string BudgetId { get; init; }

        public required long WindowStart { get; init; }

        public required long Epoch { get; init; }

        public long Leased { get; set; }

        public long Settled { get; set; }

        public bool Closed { get; set; }

        public long Taken => Math.Max(Leased, Settled);
    }

    public Dictionary<string, Row> Rows { get; } = [];

    public Dictionary<string, BudgetTerms> Budgets { get; } = [];

    public List<Attempt> Attempts { get; } = [];

    /// <summary>How many of the next writes fail.</summary>
    public int Failing { get; set; }

    public int Writes { get; private set; }

    public Task WriteAsync(long epoch, IReadOnlyList<LeaseExtension> batch, CancellationToken cancel)
    {
        lock (_lock)
        {
            Writes++;
            if (Failing > 0)
            {
                Failing--;
                return Task.CompletedTask;
            }

            foreach (var extension in batch)
            {
                Write(epoch, extension);
                extension.IsDurable = true;
            }

            return Task.CompletedTask;
        }
    }

    /// <summary>The committer: rows and counters together.</summary>
    public void Flush(AppendWork work)
    {
        lock (_lock)
        {
            Attempts.AddRange(work.Rows.Cast<Attempt>());
            foreach (var delta in work.Counters)
            {
                Rows[delta.Key].Settled += delta.Amount;
            }
        }
    }

    /// <summary>What all leases of a budget's window have taken, those of one epoch left out.</summary>
    public long Taken(string budgetId, long windowStart, long exceptEpoch = -1) =>
        Rows.Values.Where(r => r.BudgetId == budgetId && r.WindowStart == windowStart && r.Epoch != exceptEpoch).Sum(r => r.Taken);

    /// <summary>What an operator may do with leases of dead epochs.</summary>
    public void ReleaseLost(string budgetId, long liveEpoch)
    {
        foreach (var row in Rows.Values.Where(r => r.BudgetId == budgetId && r.Epoch != liveEpoch))
        {
            row.Leased = row.Settled;
        }
    }

    public void CheckCountersAgainstLedger()
    {
        var fold = Attempts.SelectMany(a => a.LeaseIds.Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(id => (id, a.Cost.Value)))
            .GroupBy(p => p.id).ToDictionary(g => g.Key, g => g.Sum(p => p.Value));
        foreach (var (id, row) in Rows)
        {
            row.Settled.ShouldBe(fold.GetValueOrDefault(id), $"lease {id}");
        }
    }

    private void Write(long epoch, LeaseExtension extension)
    {
        var allowance = extension.Allowance;
        if (!Rows.TryGetValue(allowance.LeaseId, out var row))
        {
            row = new Row { BudgetId = allowance.Terms.Id, WindowStart = allowance.Span.StartMs, Epoch = epoch };
        }

        row.Closed.ShouldBeFalse();
        var amount = Budgets.TryGetValue(row.BudgetId, out var budget) && budget.IsStrict ? budget.AmountNano : 0;
        Rows.Remove(allowance.LeaseId);
        var others = Taken(row.BudgetId, row.WindowStart);
        row.Leased = extension.Decide(amount, others);
        row.Closed = extension.Closes;
        Rows[allowance.LeaseId] = row;
        if (extension.Leased > extension.Base)
        {
            (others + row.Leased).ShouldBeLessThanOrEqualTo(amount, "leases passed the cap");
        }
    }
}
