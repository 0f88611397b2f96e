using Crew.Storage;

namespace Crew.Keys;

/// <summary>Removes the daily counts of keys, by endpoint, status and address, when their workspace's <c>request_days</c> are over.</summary>
internal sealed class KeyUsageExpiry : IExpiry
{
    private const long DayMilliseconds = 86_400_000;

    public async Task RunAsync(ExpiryRun run, CancellationToken cancel)
    {
        foreach (var tenant in run.Terms.Select(t => t.Tenant).ToList())
        {
            await run.TryAsync(() => run.RemoveAsync(tenant, "key_counts", t => t.RequestDays,
                (db, before) => KeyUsageAppend.RemoveAsync(db, tenant.WorkspaceId!, (int)(before / DayMilliseconds), cancel), cancel));
        }
    }
}
