using Npgsql;

namespace Crew.Storage;

/// <summary>A column of a PostgreSQL table and its type.</summary>
internal sealed record PostgresColumn(string Name, string Type);

/// <summary>A table of a PostgreSQL database; partitions are seen through their parent.</summary>
internal sealed record PostgresTable(string Name, bool IsSecured, IReadOnlyList<PostgresColumn> Columns);

/// <summary>The tables of a PostgreSQL database as a copy sees them.</summary>
internal static class PostgresCatalog
{
    private const string ColumnsOfTables = """
        SELECT c.relname::text, c.relrowsecurity, a.attname::text, t.typname::text
        FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''
        JOIN pg_type t ON t.oid = a.atttypid
        WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition
          AND c.relnamespace = (SELECT relnamespace FROM pg_class WHERE oid = 'storage_schema'::regclass)
        ORDER BY c.relname, a.attnum
        """;

    private const string ForeignKeys = """
        SELECT child.relname::text, parent.relname::text FROM pg_constraint k
        JOIN pg_class child ON child.oid = k.conrelid JOIN pg_class parent ON parent.oid = k.confrelid
        WHERE k.contype = 'f' AND k.conparentid = 0
        """;

    public static async Task<IReadOnlyList<PostgresTable>> TablesAsync(
        NpgsqlConnection connection, StorageModel model, IReadOnlyDictionary<string, TransferRule> rules, CancellationToken cancel)
    {
        var columns = await ReadAsync(connection, ColumnsOfTables,
            r => (Table: r.GetString(0), Secured: r.GetBoolean(1), Column: new PostgresColumn(r.GetString(2), r.GetString(3))), cancel);
        return
        [
            .. columns.GroupBy(c => c.Table, StringComparer.Ordinal).Where(g => TransferPlan.IsCopied(model, rules, g.Key))
                .Select(g => new PostgresTable(g.Key, g.First().Secured, [.. g.Select(c => c.Column)])),
        ];
    }

    public static async Task<IReadOnlyList<TransferTable>> CopiedAsync(
        NpgsqlConnection connection, StorageModel model, IReadOnlyDictionary<string, TransferRule> rules, CancellationToken cancel)
    {
        var tables = await TablesAsync(connection, model, rules, cancel);
        var keys = await ReadAsync(connection, ForeignKeys, r => (r.GetString(0), r.GetString(1)), cancel);
        return TransferPlan.Sort(tables.Select(t => new TransferTable(t.Name,
        [
            .. t.Columns.Where(c => rules.GetValueOrDefault(t.Name)?.LocalColumns.Contains(c.Name) != true)
                .Select(c => new TransferColumn(c.Name, KindOf(t.Name, c))),
        ])), keys);
    }

    public static async Task<IReadOnlyList<TransferSchema>> SchemaAsync(NpgsqlConnection connection, CancellationToken cancel) =>
        await ReadAsync(connection, "SELECT module, number, checksum FROM storage_schema ORDER BY module, number",
            r => new TransferSchema(r.GetString(0), r.GetInt64(1), r.GetString(2)), cancel);

    public static async Task<List<T>> ReadAsync<T>(NpgsqlConnection connection, string sql, Func<NpgsqlDataReader, T> map, CancellationToken cancel)
    {
        await using var command = new NpgsqlCommand(sql, connection);
        await using var reader = await command.ExecuteReaderAsync(cancel);
        var rows = new List<T>();
        while (await reader.ReadAsync(cancel))
        {
            rows.Add(map(reader));
        }

        return rows;
    }

    private static TransferKind KindOf(string table, PostgresColumn column) => column.Type switch
    {
        "int2" or "int4" or "int8" => TransferKind.Integer,
        "text" or "varchar" => TransferKind.Text,
        "bytea" => TransferKind.Blob,
        "bool" => TransferKind.Boolean,
        _ => throw new NotSupportedException($"{table}.{column.Name} is {column.Type}, which a backup does not know."),
    };
}
