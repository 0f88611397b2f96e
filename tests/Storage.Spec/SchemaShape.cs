using System.Data.Common;

namespace Crew.Storage.Spec;

/// <summary>What a database looks like: columns with nullability, unique and plain indexes, foreign keys, as lines of text.</summary>
internal static class SchemaShape
{
    public static async Task<SortedSet<string>> OfSqliteAsync(DbConnection connection)
    {
        var lines = new SortedSet<string>(StringComparer.Ordinal);
        foreach (var table in await RowsAsync(connection, "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"))
        {
            foreach (var column in await RowsAsync(connection, $"SELECT name, type, \"notnull\", pk FROM pragma_table_info('{table}')"))
            {
                lines.Add($"{table} column {column}");
            }

            foreach (var index in await RowsAsync(connection, $"SELECT name, \"unique\" FROM pragma_index_list('{table}') WHERE origin = 'c'"))
            {
                var columns = await RowsAsync(connection, $"SELECT name FROM pragma_index_info('{index.Split('|')[0]}') ORDER BY seqno");
                lines.Add($"{table} index {index} ({string.Join(", ", columns)})");
            }

            foreach (var key in await RowsAsync(connection, $"SELECT \"table\", \"from\", \"to\", on_delete FROM pragma_foreign_key_list('{table}')"))
            {
                lines.Add($"{table} foreign key {key}");
            }
        }

        return lines;
    }

    public static async Task<SortedSet<string>> OfPostgresAsync(DbConnection connection) => new(
        [
            .. await RowsAsync(connection, """
                SELECT c.table_name || ' column ' || c.column_name || ' ' || c.data_type || ' ' || c.is_nullable
                FROM information_schema.columns c JOIN pg_class k ON k.relname = c.table_name AND NOT k.relispartition WHERE c.table_schema = 'public'
                """),
            .. await RowsAsync(connection, """
                SELECT t.relname || ' index ' || i.relname || ' ' || x.indisunique || ' (' ||
                  (SELECT string_agg(a.attname, ', ' ORDER BY k.n) FROM unnest(x.indkey) WITH ORDINALITY k(attnum, n) JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = k.attnum) || ')'
                FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid JOIN pg_class t ON t.oid = x.indrelid JOIN pg_namespace s ON s.oid = t.relnamespace
                WHERE s.nspname = 'public' AND NOT x.indisprimary AND NOT t.relispartition
                """),
            .. await RowsAsync(connection, """
                SELECT t.relname || ' foreign key ' || pg_get_constraintdef(c.oid)
                FROM pg_constraint c JOIN pg_class t ON t.oid = c.conrelid WHERE c.contype = 'f' AND NOT t.relispartition
                """),
        ], StringComparer.Ordinal);

    /// <summary>Offenders: what the written schema lacks or has beyond the model, for the tables that the model knows.</summary>
    public static IReadOnlyList<string> Differences(IReadOnlySet<string> written, IReadOnlySet<string> modelled)
    {
        var tables = modelled.Select(l => l.Split(' ')[0]).ToHashSet(StringComparer.Ordinal);
        return [.. modelled.Except(written).Select(l => $"missing in the SQL files: {l}"),
            .. written.Where(l => tables.Contains(l.Split(' ')[0])).Except(modelled).Select(l => $"not in the model: {l}")];
    }

    private static async Task<List<string>> RowsAsync(DbConnection connection, string sql)
    {
        await using var command = connection.CreateCommand();
        command.CommandText = sql;
        await using var reader = await command.ExecuteReaderAsync();
        var rows = new List<string>();
        while (await reader.ReadAsync())
        {
            rows.Add(string.Join('|', Enumerable.Range(0, reader.FieldCount).Select(i => reader.GetValue(i).ToString())));
        }

        return rows;
    }
}
