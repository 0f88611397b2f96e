using Crew.Kernel;
using Crew.Storage;
using Microsoft.EntityFrameworkCore;

namespace Crew.Spend;

/// <summary>Another process start that has not ended.</summary>
/// <param name="SeenMs">When it last reported, on the database's clock.</param>
internal sealed record OtherEpoch(long Epoch, long SeenMs);

/// <summary>The writes of process starts. What they say of time is the database's clock, where several nodes share one.</summary>
internal static class EpochAppend
{
    private const string PostgresNow = "CAST(extract(epoch FROM clock_timestamp()) * 1000 AS bigint)";

    private const string RenewSqlite = """
        UPDATE spend_epochs SET renewed_at = {1} WHERE epoch = {0} AND ended_at IS NULL RETURNING renewed_at AS "Value"
        """;

    private const string RenewPostgres = $$"""
        UPDATE spend_epochs SET renewed_at = {{PostgresNow}} WHERE epoch = {0} AND ended_at IS NULL RETURNING renewed_at AS "Value"
        """;

    /// <summary>Takes the next number. Two processes that take it at once meet at the primary key, and one tries again.</summary>
    public static async Task<Outcome<long>> BeginAsync(Db db, bool sqlite, long nowMs)
    {
        var next = (await db.Database.SqlQueryRaw<long>(
            "SELECT CAST(COALESCE(MAX(epoch), 0) + 1 AS bigint) AS \"Value\" FROM spend_epochs").ToListAsync()).Single();
        var now = sqlite ? nowMs : await NowAsync(db);
        await db.Database.ExecuteSqlAsync($"INSERT INTO spend_epochs (epoch, started_at, renewed_at) VALUES ({next}, {now}, {now})");
        return next;
    }

    /// <summary>Says that the process lives; answers the database's clock, or null when the epoch is over.</summary>
    public static async Task<long?> RenewAsync(Db db, bool sqlite, long epoch, long nowMs)
    {
        var renewed = await db.Database.SqlQueryRaw<long>(sqlite ? RenewSqlite : RenewPostgres, sqlite ? [epoch, nowMs] : [epoch]).ToListAsync();
        return renewed.Count == 0 ? null : renewed[0];
    }

    public static Task<List<OtherEpoch>> OthersAsync(Db db, long epoch) => db.Database.SqlQueryRaw<OtherEpoch>(
        "SELECT epoch AS \"Epoch\", renewed_at AS \"SeenMs\" FROM spend_epochs WHERE epoch <> {0} AND ended_at IS NULL", epoch).ToListAsync();

    public static async Task<Outcome<bool>> EndAsync(Db db, long epoch, long nowMs)
    {
        await db.Database.ExecuteSqlAsync($"UPDATE spend_epochs SET renewed_at = {nowMs}, ended_at = {nowMs} WHERE epoch = {epoch}");
        return true;
    }

    /// <summary>PostgreSQL's clock.</summary>
    public static async Task<long> NowAsync(Db db) =>
        (await db.Database.SqlQueryRaw<long>($"SELECT {PostgresNow} AS \"Value\"").ToListAsync()).Single();
}
