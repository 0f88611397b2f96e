using Crew.Storage;
using Microsoft.EntityFrameworkCore;

namespace Crew.Http;

/// <summary>Removes kept answers whose 24 hours are over: nobody reads them again, and what they say should not stay for good.</summary>
internal sealed class IdempotencyExpiry : IExpiry
{
    public Task RunAsync(ExpiryRun run, CancellationToken cancel)
    {
        var before = run.Now - IdempotencyStore.KeepFor;
        return run.RemoveAsync(async db =>
        {
            var ids = await db.Set<IdempotencyEntry>().Where(e => e.CreatedAt < before).OrderBy(e => e.CreatedAt)
                .Select(e => e.Id).Take(ExpiryRun.StepRows).ToListAsync(cancel);
            return await db.Set<IdempotencyEntry>().Where(e => ids.Contains(e.Id)).ExecuteDeleteAsync(cancel);
        }, cancel);
    }
}
