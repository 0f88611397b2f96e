using Crew.Kernel;
using Crew.Storage;
using Microsoft.EntityFrameworkCore;

namespace Crew.Spend;

/// <summary>Day partitions of the ledger, on PostgreSQL only. Another process that is at it right now is left to it.</summary>
internal static class AttemptSchema
{
    private const int DaysAhead = 7;
    private const long PartitionLock = 0x6372_6577_0005;

    public static async Task MakeDaysAsync(Store store, CancellationToken cancel)
    {
        if (store.Dialect == "postgres")
        {
            await store.ChangeAsync<bool>(SystemJob.Expiry, Origin.System, async db =>
            {
                await db.Database.ExecuteSqlAsync(
                    $"SELECT storage_partitions('spend_attempts', {DaysAhead}) WHERE pg_try_advisory_xact_lock({PartitionLock})", cancel);
                return true;
            }, cancel);
        }
    }
}
