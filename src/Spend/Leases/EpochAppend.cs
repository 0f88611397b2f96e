using Crew.Kernel;
using Crew.Storage;
using Microsoft.EntityFrameworkCore;

namespace Crew.Spend;

/// <summary>The writes of process starts.</summary>
internal static class EpochAppend
{
    /// <summary>Takes the next number. Two processes that take it at once meet at the primary key, and one tries again.</summary>
    public static async Task<Outcome<long>> BeginAsync(Db db, long nowMs)
    {
        var next = (await db.Database.SqlQueryRaw<long>(
            "SELECT CAST(COALESCE(MAX(epoch), 0) + 1 AS bigint) AS \"Value\" FROM spend_epochs").ToListAsync()).Single();
        await db.Database.ExecuteSqlAsync($"INSERT INTO spend_epochs (epoch, started_at, renewed_at) VALUES ({next}, {nowMs}, {nowMs})");
        return next;
    }

    public static Task RenewAsync(Db db, long epoch, long nowMs) =>
        db.Database.ExecuteSqlAsync($"UPDATE spend_epochs SET renewed_at = {nowMs} WHERE epoch = {epoch}");

    public static async Task<Outcome<bool>> EndAsync(Db db, long epoch, long nowMs)
    {
        await db.Database.ExecuteSqlAsync($"UPDATE spend_epochs SET renewed_at = {nowMs}, ended_at = {nowMs} WHERE epoch = {epoch}");
        return true;
    }
}
