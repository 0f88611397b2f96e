using Crew.Kernel;
using Crew.Storage;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Hosting;

namespace Crew.Http;

/// <summary>Removes kept answers whose 24 hours are over: nobody reads them again, and what they say should not stay for good.</summary>
internal sealed class IdempotencyExpiry(Lazy<Store> store, TimeProvider clock) : BackgroundService
{
    private const int PeriodMinutes = 15;

    /// <summary>Entries of one transaction: few enough not to hold the writer up.</summary>
    private const int StepEntries = 200;

    /// <summary>Removes what is over; the answer is how many entries that were.</summary>
    public async Task<int> ExpireAsync(CancellationToken cancel)
    {
        var before = clock.GetUtcNow() - IdempotencyStore.KeepFor;
        for (var removed = 0; ;)
        {
            var step = await store.Value.ChangeAsync<int>(SystemJob.Expiry, Origin.System, async db =>
            {
                var ids = await db.Set<IdempotencyEntry>().Where(e => e.CreatedAt < before).OrderBy(e => e.CreatedAt)
                    .Select(e => e.Id).Take(StepEntries).ToListAsync(cancel);
                return await db.Set<IdempotencyEntry>().Where(e => ids.Contains(e.Id)).ExecuteDeleteAsync(cancel);
            }, cancel);
            if (step.Fault is not null || step.Value == 0)
            {
                return removed;
            }

            removed += step.Value;
        }
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(TimeSpan.FromMinutes(PeriodMinutes), clock);
        try
        {
            while (await timer.WaitForNextTickAsync(stoppingToken))
            {
                try
                {
                    await ExpireAsync(stoppingToken);
                }
                catch (StorageUnavailableException)
                {
                    // The next tick goes on.
                }
            }
        }
        catch (OperationCanceledException)
        {
            // Stopping between two steps.
        }
    }
}
