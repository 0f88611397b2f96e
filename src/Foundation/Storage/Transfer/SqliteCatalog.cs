using Microsoft.Data.Sqlite;

namespace Crew.Storage;

/// <summary>The tables of an SQLite database as a copy sees them.</summary>
internal static class SqliteCatalog
{
    private const long Generated = 2;

    public static IReadOnlyList<TransferTable> Tables(SqliteConnection connection, StorageModel model, IReadOnlyDictionary<string, TransferRule> rules)
    {
        var names = Read(connection, "SELECT name FROM sqlite_master WHERE type = 'table'", r => r.GetString(0))
            .Where(name => TransferPlan.IsCopied(model, rules, name)).ToList();
        var keys = names.SelectMany(name => Read(connection, "SELECT \"table\" FROM pragma_foreign_key_list($name)", r => (name, r.GetString(0)), name));
        return TransferPlan.Sort(names.Select(name => new TransferTable(name, Columns(connection, name, rules.GetValueOrDefault(name)))), keys);
    }

    public static IReadOnlyList<TransferSchema> Schema(SqliteConnection connection) =>
        Read(connection, "SELECT module, number, checksum FROM storage_schema ORDER BY module, number",
            r => new TransferSchema(r.GetString(0), r.GetInt64(1), r.GetString(2)));

    /// <summary>Rows that break a foreign key.</summary>
    public static int BrokenKeys(SqliteConnection connection) => Read(connection, "PRAGMA foreign_key_check", _ => 1).Count;

    private static TransferColumn[] Columns(SqliteConnection connection, string table, TransferRule? rule) =>
    [
        .. Read(connection, "SELECT name, type, hidden FROM pragma_table_xinfo($name)", r => (Name: r.GetString(0), Type: r.GetString(1), Hidden: r.GetInt64(2)), table)
            .Where(c => c.Hidden < Generated && rule?.LocalColumns.Contains(c.Name) != true)
            .Select(c => new TransferColumn(c.Name, KindOf(table, c.Name, c.Type))),
    ];

    private static TransferKind KindOf(string table, string column, string type) => type.ToUpperInvariant() switch
    {
        "INTEGER" => TransferKind.Integer,
        "TEXT" => TransferKind.Text,
        "BLOB" => TransferKind.Blob,
        _ => throw new NotSupportedException($"{table}.{column} is {type}, which a backup does not know."),
    };

    private static List<T> Read<T>(SqliteConnection connection, string sql, Func<SqliteDataReader, T> map, string? name = null)
    {
        using var command = connection.CreateCommand();
        command.CommandText = sql;
        if (name is not null)
        {
            command.Parameters.AddWithValue("$name", name);
        }

        var rows = new List<T>();
        using var reader = command.ExecuteReader();
        while (reader.Read())
        {
            rows.Add(map(reader));
        }

        return rows;
    }
}
