using Crew.Kernel;
using Crew.Storage;

namespace Crew.Keys;

/// <summary>Removes the daily counts of keys, by endpoint, status and address, when their workspace's <c>request_days</c> are over.</summary>
internal sealed class KeyUsageExpiry : IExpiry
{
    private const long DayMilliseconds = 86_400_000;

    public async Task RunAsync(ExpiryRun run, CancellationToken cancel)
    {
        foreach (var terms in run.Terms)
        {
            var before = RetentionTerms.EndOf(run.Now, terms.RequestDays);
            await run.RemoveAsync(terms.Tenant, "key_counts", before,
                db => KeyUsageAppend.RemoveAsync(db, terms.WorkspaceId, (int)(before / DayMilliseconds), cancel), cancel);
        }
    }
}
