using Microsoft.Data.Sqlite;

namespace Crew.Storage;

/// <summary>
/// The sizes of append tables in an SQLite file. SQLite keeps no size of a table, so the used pages of the file are shared out by what
/// the rows of each table weigh.
/// </summary>
internal static class SqliteSizes
{
    private const int SampleRows = 500;

    public static IReadOnlyList<TableSize> Read(SqliteConnection connection, DateTimeOffset now)
    {
        var since = now.AddDays(-SizeForecast.Days).ToUnixTimeMilliseconds();
        var used = Numbers(connection, "SELECT (page_count - freelist_count) * page_size FROM pragma_page_count(), pragma_freelist_count(), pragma_page_size()")[0];
        var tables = Names(connection, "SELECT m.name FROM sqlite_master m, pragma_table_info(m.name) c WHERE m.type = 'table' AND c.name = 'at' ORDER BY 1")
            .ConvertAll(name =>
            {
                var counts = Numbers(connection, $"SELECT count(*), coalesce(sum(at >= {since}), 0), coalesce(min(at), -1) FROM {name}");
                var columns = string.Join(" + ", Names(connection, $"SELECT name FROM pragma_table_info('{name}')").Select(c => $"coalesce(length(CAST({c} AS BLOB)), 0)"));
                var weight = Numbers(connection, $"SELECT coalesce(sum({columns}), 0), count(*) FROM (SELECT * FROM {name} LIMIT {SampleRows})");
                return (Name: name, Rows: counts[0], Recent: counts[1], Oldest: counts[2], Weight: weight[1] == 0 ? 0 : (double)weight[0] / weight[1] * counts[0]);
            });
        var whole = Math.Max(1, tables.Sum(t => t.Weight));
        return tables.ConvertAll(t => new TableSize(t.Name, t.Rows, (long)(used * t.Weight / whole), t.Recent, t.Oldest < 0 ? null : t.Oldest));
    }

    private static long[] Numbers(SqliteConnection connection, string sql)
    {
        using var command = connection.CreateCommand();
        (command.CommandText, command.CommandTimeout) = (sql, 0);
        using var row = command.ExecuteReader();
        row.Read();
        return [.. Enumerable.Range(0, row.FieldCount).Select(row.GetInt64)];
    }

    private static List<string> Names(SqliteConnection connection, string sql)
    {
        using var command = connection.CreateCommand();
        command.CommandText = sql;
        using var rows = command.ExecuteReader();
        var names = new List<string>();
        while (rows.Read())
        {
            names.Add(rows.GetString(0));
        }

        return names;
    }
}
