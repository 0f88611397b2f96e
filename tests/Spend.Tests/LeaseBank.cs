using Crew.Spend.Contracts;
using Crew.Storage;

namespace Crew.Spend.Tests;

/// <summary>
/// The tables of budgets, leases, epochs and attempts as the engine sees them, in memory, with the transactions of
/// <c>LeaseAppend</c> and <c>EpochAppend</c>: each write is all or nothing, and may fail.
/// </summary>
internal sealed class LeaseBank
{
    private readonly Lock _lock = new();
    private readonly List<string> _recalled = [];

    public sealed class Row
    {
        public required string Id { get; init; }

        public required string BudgetId { get; init; }

        public required long WindowStart { get; init; }

        public required long Epoch { get; init; }

        public long Leased { get; set; }

        public long Settled { get; set; }

        public bool Closed { get; set; }

        public long Answered { get; set; }

        public long Floor { get; set; }

        public long Taken => Math.Max(Leased, Settled);

        public long Unused => Math.Max(0, Leased - Settled);
    }

    public sealed class Epoch
    {
        public long SeenMs { get; set; }

        public bool IsOver { get; set; }
    }

    public Dictionary<string, Row> Rows { get; } = [];

    public Dictionary<string, BudgetTerms> Budgets { get; } = [];

    public Dictionary<long, Epoch> Epochs { get; } = [];

    public Dictionary<string, long> Recalls { get; } = [];

    public List<Attempt> Attempts { get; } = [];

    /// <summary>Whom recalls are delivered to by <see cref="DeliverAsync"/>.</summary>
    public List<Node> Nodes { get; } = [];

    /// <summary>How many of the next writes fail.</summary>
    public int Failing { get; set; }

    public int Writes { get; private set; }

    /// <summary>The database's clock; null where only the process has one.</summary>
    public Func<long>? NowMs { get; init; }

    public Task WriteAsync(long epoch, IReadOnlyList<LeaseExtension> batch, Peers peers, CancellationToken cancel)
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
                if (Write(epoch, extension, peers) is { } recalled)
                {
                    _recalled.Add(recalled);
                }

                extension.IsDurable = true;
            }

            return Task.CompletedTask;
        }
    }

    /// <summary>The change feed: brings every node the recalls, and lets it write its answer.</summary>
    public async Task DeliverAsync()
    {
        string[] recalled;
        lock (_lock)
        {
            recalled = [.. _recalled];
            _recalled.Clear();
        }

        foreach (var node in recalled.Length == 0 ? [] : Nodes.ToArray())
        {
            node.Ledger.BookOf(Given.Organization).BeginRecall();
            foreach (var id in recalled)
            {
                node.Ledger.Recall(id, Recalls[id]);
            }

            await node.Desk.DrainAsync(CancellationToken.None);
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

    public void Begin(long epoch, long seenMs) => Epochs[epoch] = new Epoch { SeenMs = seenMs };

    /// <summary>Ends process starts and closes their leases.</summary>
    public void Close(long firstEpoch, long lastEpoch)
    {
        foreach (var (number, epoch) in Epochs.Where(e => e.Key >= firstEpoch && e.Key <= lastEpoch))
        {
            epoch.IsOver = true;
            foreach (var row in Rows.Values.Where(r => r.Epoch == number))
            {
                row.Closed = true;
            }
        }
    }

    /// <summary>What all leases of a budget's window have taken, those of one epoch left out.</summary>
    public long Taken(string budgetId, long windowStart, long exceptEpoch = -1) =>
        Rows.Values.Where(r => r.BudgetId == budgetId && r.WindowStart == windowStart && r.Epoch != exceptEpoch).Sum(r => r.Taken);

    /// <summary>What an operator may do with closed leases.</summary>
    public void ReleaseLost(string budgetId, long liveEpoch = -1)
    {
        foreach (var row in Rows.Values.Where(r => r.BudgetId == budgetId && r.Closed && r.Epoch != liveEpoch))
        {
            row.Leased = Math.Min(row.Leased, row.Settled);
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

    /// <summary>One extension, as <c>LeaseAppend</c> writes it. Answers the budget whose unused capacity is called back, if so.</summary>
    public string? Write(long epoch, LeaseExtension extension, Peers peers)
    {
        var allowance = extension.Allowance;
        var (id, start) = (allowance.Terms.Id, allowance.Span.StartMs);
        var strict = Budgets.TryGetValue(id, out var budget) && budget.IsStrict;
        var others = Rows.Values.Where(r => r.BudgetId == id && r.WindowStart == start && r.Id != allowance.LeaseId).ToList();
        var view = new LeaseView(
            strict ? budget!.AmountNano : 0, others.Sum(r => r.Taken), others.Where(r => !r.Closed).Sum(r => r.Unused),
            strict ? Recalls.GetValueOrDefault(id) : 0, strict && NowMs is not null ? NowMs() : long.MaxValue, Epochs[epoch].IsOver,
            Rows.TryGetValue(allowance.LeaseId, out var own) && own.Closed);
        extension.Decide(view);
        string? recalled = null;
        if (extension.IsShort)
        {
            var holders = others.Where(r => !r.Closed && r.Unused > 0)
                .Select(r => new LeaseHolder(r.Id, r.Leased, r.Settled, r.Answered, r.Floor, Epochs[r.Epoch].SeenMs)).ToList();
            extension.Judge(holders, peers);
            if (extension.Verdict == RecallVerdict.Ask)
            {
                Recalls[id] = extension.AskNumber;
                recalled = id;
            }
        }

        Upsert(epoch, extension);
        if (extension.Leased > extension.Base)
        {
            (view.TakenByOthers + Rows[allowance.LeaseId].Leased).ShouldBeLessThanOrEqualTo(view.AmountNano, "leases passed the cap");
        }

        return recalled;
    }

    private void Upsert(long epoch, LeaseExtension extension)
    {
        var allowance = extension.Allowance;
        if (!Rows.TryGetValue(allowance.LeaseId, out var row))
        {
            Rows[allowance.LeaseId] = row = new Row
            {
                Id = allowance.LeaseId,
                BudgetId = allowance.Terms.Id,
                WindowStart = allowance.Span.StartMs,
                Epoch = epoch,
                Leased = extension.Leased,
                Answered = Math.Max(extension.Answers, extension.AnsweredAtLeast),
            };
        }

        row.Leased = row.Closed ? Math.Min(row.Leased, extension.Leased) : extension.Leased;
        row.Closed |= extension.Closes || extension.IsEpochOver;
        if (extension.Answers > row.Answered)
        {
            (row.Answered, row.Floor) = (extension.Answers, extension.Floor);
        }
    }
}
