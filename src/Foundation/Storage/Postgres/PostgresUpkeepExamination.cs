using Npgsql;

namespace Crew.Storage;

/// <summary>What an operator should know about partitions, leaders and sizes on PostgreSQL.</summary>
internal static class PostgresUpkeepExamination
{
    /// <summary>The upkeep makes a week ahead; with fewer days than this it has not run for a while.</summary>
    private const int LeastDaysAhead = 3;

    private const string AppendTables = """
        SELECT c.relname::text FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'at' AND NOT a.attisdropped
        WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition
          AND c.relnamespace = (SELECT relnamespace FROM pg_class WHERE oid = 'storage_schema'::regclass) ORDER BY 1
        """;

    public static async Task<IReadOnlyList<StoreFinding>> RunAsync(NpgsqlConnection connection, string role, DateTimeOffset now, CancellationToken cancel)
    {
        var isThere = (await PostgresCatalog.ReadAsync(connection, "SELECT to_regclass('storage_leaders') IS NOT NULL", r => r.GetBoolean(0), cancel))[0];
        return isThere
            ? [await PartitionsAsync(connection, cancel), await LeadersAsync(connection, cancel), await SizesAsync(connection, role, now, cancel), .. await RetentionAsync(connection, cancel)]
            : [await SizesAsync(connection, role, now, cancel)];
    }

    /// <summary>By this server's clock, as the upkeep itself; nothing before the schema has it.</summary>
    private static async Task<IEnumerable<StoreFinding>> RetentionAsync(NpgsqlConnection connection, CancellationToken cancel)
    {
        if (!(await PostgresCatalog.ReadAsync(connection, "SELECT to_regclass('storage_clock') IS NOT NULL", r => r.GetBoolean(0), cancel))[0])
        {
            return [];
        }

        var marks = await PostgresCatalog.ReadAsync(connection, "SELECT trusted_at, (extract(epoch FROM clock_timestamp()) * 1000)::bigint FROM storage_clock",
            r => (TrustedAt: r.GetInt64(0), Now: r.GetInt64(1)), cancel);
        return marks.SelectMany(m => RetentionClock.Examine(m.TrustedAt, DateTimeOffset.FromUnixTimeMilliseconds(m.Now)));
    }

    private static async Task<StoreFinding> PartitionsAsync(NpgsqlConnection connection, CancellationToken cancel)
    {
        const string name = "partitions";
        var missing = await PostgresCatalog.ReadAsync(connection, $"""
            SELECT c.relname::text, count(d), min(d) FROM pg_partitioned_table p JOIN pg_class c ON c.oid = p.partrelid,
            LATERAL storage_missing_days(c.relname::text, {LeastDaysAhead}) d GROUP BY 1 ORDER BY 1
            """, r => $"{r.GetString(0)} lacks {r.GetInt64(1)} from {r.GetFieldValue<DateOnly>(2):yyyy-MM-dd} on", cancel);
        return missing.Count == 0
            ? new(name, FindingLevel.Ok, $"Every append table has its day partitions, at least {LeastDaysAhead} days ahead.")
            : new(name, FindingLevel.Warning, $"Day partitions are missing: {string.Join("; ", missing)}. Rows of those days go to the default partition.",
                "A running server makes them within a minute and moves the rows. If one runs, look for 'upkeep' in its log.");
    }

    private static async Task<StoreFinding> LeadersAsync(NpgsqlConnection connection, CancellationToken cancel)
    {
        const string name = "leaders";
        var leaders = await PostgresCatalog.ReadAsync(connection, """
            SELECT duty, place, term, until_at > (extract(epoch FROM clock_timestamp()) * 1000)::bigint FROM storage_leaders ORDER BY duty
            """, r => new Leader(r.GetString(0), r.GetString(1), r.GetInt64(2), r.GetBoolean(3)), cancel);
        var held = leaders.Where(l => l.IsHeld).Select(l => $"{l.Duty} is done by {l.Place} (term {l.Term})").ToList();
        return held.Count == leaders.Count && held.Count > 0
            ? new(name, FindingLevel.Ok, $"{string.Join(", ", held)}.")
            : new(name, FindingLevel.Ok, held.Count == 0 ? "No server runs, so nobody does the upkeep." : $"{string.Join(", ", held)}; the rest is about to be taken over.");
    }

    private static async Task<StoreFinding> SizesAsync(NpgsqlConnection connection, string role, DateTimeOffset now, CancellationToken cancel)
    {
        var since = now.AddDays(-SizeForecast.Days).ToUnixTimeMilliseconds();
        var tables = new List<TableSize>();
        foreach (var table in await PostgresCatalog.ReadAsync(connection, AppendTables, r => r.GetString(0), cancel))
        {
            var (bytes, estimate) = (await PostgresCatalog.ReadAsync(connection, $"""
                SELECT coalesce(sum(pg_total_relation_size(c.oid)), 0)::bigint, coalesce(sum(greatest(c.reltuples, 0)), 0)::bigint FROM pg_class c
                WHERE c.oid = '{table}'::regclass OR c.oid IN (SELECT inhrelid FROM pg_inherits WHERE inhparent = '{table}'::regclass)
                """, r => (r.GetInt64(0), r.GetInt64(1)), cancel))[0];
            tables.Add(await CountAsync(connection, role, table, (bytes, estimate), since, cancel));
        }

        return SizeForecast.Of(tables, await FreeAsync(connection, cancel), now);
    }

    /// <summary>Counts the rows under the role that sees all of them; where that takes too long, the planner's estimate has to do, and growth stays unknown.</summary>
    private static async Task<TableSize> CountAsync(
        NpgsqlConnection connection, string role, string table, (long Bytes, long Rows) estimate, long since, CancellationToken cancel)
    {
        await using var limited = await connection.BeginTransactionAsync(cancel);
        try
        {
            await using var limit = new NpgsqlCommand($"SET LOCAL statement_timeout = '10s'; SET LOCAL ROLE \"{role.Replace("\"", "\"\"", StringComparison.Ordinal)}\"", connection, limited);
            await limit.ExecuteNonQueryAsync(cancel);
            return (await PostgresCatalog.ReadAsync(connection, $"SELECT count(*), count(*) FILTER (WHERE at >= {since}), min(at) FROM {table}",
                r => new TableSize(table, r.GetInt64(0), estimate.Bytes, r.GetInt64(1), r.IsDBNull(2) ? null : r.GetInt64(2)), cancel))[0];
        }
        catch (PostgresException error) when (error.SqlState is PostgresErrorCodes.QueryCanceled or PostgresErrorCodes.InsufficientPrivilege)
        {
            return new TableSize(table, estimate.Rows, estimate.Bytes, 0, null);
        }
    }

    /// <summary>The room of the server's disk, if the server runs on this machine and lets us know where its data is.</summary>
    private static async Task<long?> FreeAsync(NpgsqlConnection connection, CancellationToken cancel)
    {
        try
        {
            var folder = (await PostgresCatalog.ReadAsync(connection, "SELECT current_setting('data_directory')", r => r.GetString(0), cancel))[0];
            return connection.Host is "127.0.0.1" or "localhost" or "::1" && Directory.Exists(folder) ? new DriveInfo(folder).AvailableFreeSpace : null;
        }
        catch (PostgresException)
        {
            return null;
        }
    }
}
