using System.Collections.Concurrent;
using Crew.Spend.Contracts;
using Crew.Storage;
using Microsoft.Extensions.Hosting;

namespace Crew.Gateway.Calls;

/// <summary>
/// Settlements whose flush failed because the database could not be written. Their request was answered with a 503, but the
/// provider has worked and will bill: they are written as soon as the database takes writes again. What a crash takes before
/// that is covered by the lease, which then counts as lost.
/// </summary>
internal sealed class OwedSettlements(Lazy<Store> store, TimeProvider clock) : BackgroundService
{
    /// <summary>Beyond this many the oldest are left to the leases: memory is bounded, the cap still errs on the safe side.</summary>
    public const int MaximumOwed = 100_000;

    private const int RetryMilliseconds = 500;

    private readonly ConcurrentQueue<AppendWork> _owed = new();

    public int Count => _owed.Count;

    /// <summary>Takes the ledger rows and counters of a failed flush; records of access are not repeated, as nothing was served.</summary>
    public void Keep(AppendWork failed)
    {
        var rows = failed.Rows.OfType<Attempt>().ToList();
        if (rows.Count == 0)
        {
            return;
        }

        _owed.Enqueue(Copy(rows, failed.Counters));
        if (_owed.Count > MaximumOwed)
        {
            _owed.TryDequeue(out _);
        }
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(TimeSpan.FromMilliseconds(RetryMilliseconds), clock);
        try
        {
            while (await timer.WaitForNextTickAsync(stoppingToken))
            {
                await WriteAsync();
            }
        }
        catch (OperationCanceledException)
        {
            await WriteAsync();
        }
    }

    /// <summary>Writes in order until one fails; that one waits for the next tick. Each is written once: it leaves the queue when it is durable.</summary>
    private async Task WriteAsync()
    {
        while (_owed.TryPeek(out var work))
        {
            if (!await store.Value.Committer.AppendAsync(work))
            {
                _owed.TryDequeue(out _);
                if (work.IsDuplicate)
                {
                    continue;
                }

                // A work completes once, so the next try is a copy, at the back of the queue: order does not matter here.
                _owed.Enqueue(Copy(work.Rows, work.Counters));
                return;
            }

            _owed.TryDequeue(out _);
        }
    }

    private static AppendWork Copy(IEnumerable<AppendRow> rows, IEnumerable<CounterDelta> counters)
    {
        var work = new AppendWork();
        work.Rows.AddRange(rows);
        work.Counters.AddRange(counters);
        return work;
    }
}
